/* SPDX-License-Identifier: MIT */
/*
 * What the cases of bench-checkpoint share: a memory, a folder on tmpfs, rows.
 * All times are of the wall, since threads and other programs take part.
 */
#ifndef BENCH_CHECKPOINT_H
#define BENCH_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/checkpoint.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#define CHECKPOINT_PAGE	       UINT64_C(4096)
#define CHECKPOINT_MAX_SAMPLES 101

/* ---- a place ---------------------------------------------------------- */

/* A folder of this process's own, on tmpfs; removed when the program ends. */
const char *checkpoint_place(void);
/* "place/name", valid until the next but three calls. */
const char *checkpoint_path(const char *name);
void checkpoint_place_remove(void);
/* Remove the files of a folder in it, and the folder. */
void checkpoint_remove_folder(const char *path);

/* ---- times ------------------------------------------------------------ */

double checkpoint_now_ms(void);

struct checkpoint_times {
	double ms[CHECKPOINT_MAX_SAMPLES];
	unsigned int n;
};

void checkpoint_add(struct checkpoint_times *times, double ms);

/* ---- rows ------------------------------------------------------------- */

struct checkpoint_row {
	const char *name; /* of the case */
	const char *what; /* that is measured */
	const struct checkpoint_times *times;
	const char *base_name; /* NULL: nothing to compare with */
	const struct checkpoint_times *base;
	double must, aim; /* ratios to the base, or, without one, ms; 0: none */
	const char *unit; /* of the times, if it is not ms */
};

/* The median of the samples' ratios; one sample is not judged. */
void checkpoint_print(const struct checkpoint_row *row);
void checkpoint_skip(const char *name, const char *why);
/* How many rows missed their must. */
unsigned int checkpoint_missed(void);

/* ---- the memory ------------------------------------------------------- */

struct checkpoint_ram {
	uint8_t *bytes;
	uint64_t npages;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source; /* NULL: writes are marked */
	const char *detects;	      /* "userfaultfd", "marks" */
};

/* Private memory, nothing touched, tracked by userfaultfd where there is one.
 */
void checkpoint_ram_open(struct checkpoint_ram *ram, uint64_t npages);
void checkpoint_ram_close(struct checkpoint_ram *ram);
/* What tracks does not see @npages from @first_page written: mark. */
void checkpoint_ram_written(struct checkpoint_ram *ram, uint64_t first_page,
			    uint64_t npages);
/* Is so much memory there? Otherwise a row says that the case was skipped. */
bool checkpoint_has_memory(const char *name, uint64_t bytes);
uint64_t checkpoint_ram_resident_pages(const struct checkpoint_ram *ram);

/* Pages that do not compress, and pages that do: words of a few bytes. */
void checkpoint_fill_random(uint8_t *bytes, uint64_t npages, uint64_t seed);
void checkpoint_fill_words(uint8_t *bytes, uint64_t npages, uint64_t seed);

/* @n different pages below @npages, in random order; to be freed. */
uint64_t *checkpoint_choose(uint64_t n, uint64_t npages, uint64_t seed);

/* ---- a chain ---------------------------------------------------------- */

struct checkpoint_series {
	uint64_t npages, nlayers;
	uint64_t ndirty; /* pages that each layer but the first has */
	void (*fill)(uint8_t *bytes, uint64_t npages, uint64_t seed);
};

/* One full layer and deltas. @flat: a file of the last moment; or NULL */
void checkpoint_make_series(const struct checkpoint_series *series,
			    const char *folder, const char *flat);

/* ---- other programs --------------------------------------------------- */

/* Run and wait. Return: ms, or -1 where there is no such program. */
double checkpoint_run(const char *const *command);

/* A file of @nbytes of memory, written with write(2). Return: ms. */
double checkpoint_write_file(const char *path, const void *bytes,
			     uint64_t nbytes);

/* ---- the cases -------------------------------------------------------- */

void checkpoint_case_delta(void);
void checkpoint_case_full(void);
void checkpoint_case_chain(void);
void checkpoint_case_prune(void);
void checkpoint_case_guest(void);
void checkpoint_case_idle(void);
void checkpoint_case_lazy(void);
void checkpoint_case_merge(void);
void checkpoint_case_tracking(void);
void checkpoint_case_process(void);
void checkpoint_case_vm(void);

#endif
