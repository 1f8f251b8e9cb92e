/* SPDX-License-Identifier: MIT */
/*
 * A memory that changes at random, saved as layers by the plainest code: what
 * each moment was is kept, to compare what readers say.
 */
#ifndef TESTS_UNIT_CHECKPOINT_MOMENTS_H
#define TESTS_UNIT_CHECKPOINT_MOMENTS_H

#include "checkpoint/folder.h"
#include "checkpoint/layer.h"
#include "support.h"

#define MOMENTS_REGIONS	   4
#define MOMENTS_MAX_NPAGES 1200

/* A region as it is, or was: pages of 4 KiB, at gpa index * 2^32. */
struct moment_region {
	uint64_t npages; /* 0: there is none */
	uint32_t id;
	uint32_t page_shift;
	uint8_t *bytes; /* owned; MOMENTS_MAX_NPAGES of them */
};

struct moment {
	struct moment_region regions[MOMENTS_REGIONS];
};

struct moments {
	int folder_fd;
	uint64_t number; /* of the last layer; 0: none */
	struct smi_layer last;
	struct moment now, saved;
	uint32_t next_id;
	uint64_t nwritten; /* layers: the time of each, unless: */
	uint64_t step_ns;  /* the time of layer n is n of them; or 0 */
};

/* Opens the folder to write; begins with the layers that are in it, if any. */
void moments_open(struct moments *m, const char *folder);
void moments_close(struct moments *m);

/* Write some pages; with @regions_too let regions come, go, grow, shrink. */
void moments_change(struct moments *m, struct test_rng *rng, bool regions_too);

/*
 * After each change: a page has content that only the first layer stores, as
 * long as its region keeps its size.
 */
void moments_keep_first(struct moments *m);

/* A layer of what is now, as a file: not in place, and not flushed by this. */
void moments_write(struct moments *m, bool is_full,
		   struct smi_folder_file *ret_file,
		   struct smi_layer *ret_layer);

/* In place: it is the parent of the next one. */
void moments_committed(struct moments *m, uint64_t number,
		       struct smi_layer *layer);

/* Both. */
void moments_save(struct moments *m, bool is_full);

void moment_copy(struct moment *to, const struct moment *from);
void moment_clear(struct moment *moment);

/* The memory is what the layer that is open says, by all reading calls. */
struct smudge_chain;
void moment_check(const struct moment *moment, struct smudge_chain *chain);

struct smudge_chain *moments_chain(const char *folder, uint64_t number);

#endif
