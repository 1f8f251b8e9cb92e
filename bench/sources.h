/* SPDX-License-Identifier: MIT */
/*
 * The parts of bench-sources. A mechanism finds the pages of a memory that were
 * written, and has two sides: the library's source, and the bare calls of the
 * same mechanism as a program would make them by hand. Both sides work on the
 * same memory, in turns, sample by sample, so that a noisy machine disturbs
 * both alike.
 */
#ifndef BENCH_SOURCES_H
#define BENCH_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/smudge.h>

#define SOURCES_PAGE	    UINT64_C(4096)
#define SOURCES_MAX_SAMPLES 101

/* The memory of one mechanism, all of it populated with 4 KiB pages. */
struct sources_ram {
	uint8_t *bytes;
	uint64_t npages;
};

void sources_ram_map(struct sources_ram *ram, uint64_t npages, bool is_shared);
void sources_ram_unmap(struct sources_ram *ram);
/* This thread stores to @npages pages, every @stride-th from the first. */
void sources_ram_write(const struct sources_ram *ram, uint64_t npages,
		       uint64_t stride);

/*
 * One side. All calls but open end the benchmark when they fail. A sample is
 * arm, then any number of passes, then stop; a pass is write, harvest, found,
 * take.
 */
struct sources_side {
	/* Return: the side, or NULL with a sentence. */
	void *(*open)(const struct sources_ram *ram, struct smudge_error *err);
	void (*close)(void *side);
	/* Begin to track: every page is clean. */
	void (*arm)(void *side);
	void (*stop)(void *side);
	void (*write)(void *side, uint64_t npages, uint64_t stride);
	/* Fetch which pages were written. */
	void (*harvest)(void *side);
	/* How many there were; not measured. */
	uint64_t (*found)(void *side);
	/* Hand them over, and re-arm their writers unless harvest did. NULL:
	   nothing is left to do. */
	void (*take)(void *side);
	/* Processor time, ns, that another process took for the last call, and
	   that counts instead; 0: none did. NULL: none ever does. */
	uint64_t (*elsewhere_ns)(void *side);
};

struct sources_mechanism {
	const char *name;
	/* Which call lets the next write be detected: "harvest", "take", or
	   "none", where every write is reported. */
	const char *rearms_in;
	bool is_shared; /* its memory is a memfd, mapped shared */
	/* The library fetches what was written in its take. */
	bool take_fetches;
	/* What a pass of the library may take, times the bare one; 0: no
	   limit is set. */
	double must;
	const struct sources_side *library; /* NULL: a baseline has none */
	const struct sources_side *bare;
};

/* Each is in the file of its name; the KVM ones are on x86-64 only. */
extern const struct sources_mechanism sources_uffd;
extern const struct sources_mechanism sources_uffd_shared;
extern const struct sources_mechanism sources_process;
extern const struct sources_mechanism sources_process_follow; /* there too */
extern const struct sources_mechanism sources_kvm_legacy;
extern const struct sources_mechanism sources_kvm_manual;
extern const struct sources_mechanism sources_kvm_ring;
extern const struct sources_mechanism sources_mprotect;
extern const struct sources_mechanism sources_soft_dirty;
extern const struct sources_mechanism sources_vhost_log;
extern const struct sources_mechanism sources_mark;
extern const struct sources_mechanism sources_copy;
extern const struct sources_mechanism sources_fork;

/* Zeroed memory, or the end of the benchmark. */
void *sources_alloc(uint64_t bytes);
/* The same, or the end with the errno of a call that returned below 0. */
void sources_must(long ret, const char *what);

#endif
