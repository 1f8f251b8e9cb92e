/* SPDX-License-Identifier: MIT */
/*
 * The library's side of every mechanism: a memory of one region, one source and
 * one client. Mechanisms differ in how the source is made, and in who writes.
 */
#ifndef BENCH_SOURCES_LIBRARY_H
#define BENCH_SOURCES_LIBRARY_H

#include "sources.h"

/* The first member of a mechanism's own struct. */
struct sources_library {
	struct sources_ram ram;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client; /* between arm and stop */
	struct smudge_batch *batch;
	struct smudge_source *source; /* NULL: marks only */
};

/* The region's address for the guest. */
#define SOURCES_GPA (UINT64_C(4) << 30)

/* The memory and the batch only; the region and its sources come later. */
void sources_library_begin(struct sources_library *lib,
			   const struct sources_ram *ram);

/*
 * @lib->source is set, and owned by @lib from now on; the rest is zero.
 * Return: 0, or -errno with a sentence.
 */
int sources_library_open(struct sources_library *lib,
			 const struct sources_ram *ram,
			 struct smudge_error *err);
/* All that is open, also after a failed open; not @lib itself. */
void sources_library_close(struct sources_library *lib);

/* The calls of struct sources_side. */
void sources_library_arm(void *side);
void sources_library_stop(void *side);
void sources_library_write(void *side, uint64_t npages, uint64_t stride);
void sources_library_harvest(void *side);
uint64_t sources_library_found(void *side);
void sources_library_take(void *side);
/* Close, and free a side that is nothing but this. */
void sources_library_free(void *side);
/* Such a side, which owns @source. Return: the side, or NULL with a sentence.
 */
void *sources_library_new(struct smudge_source *source,
			  const struct sources_ram *ram,
			  struct smudge_error *err);

/* Its struct sources_side; @open_it makes the source. */
#define SOURCES_LIBRARY_SIDE(open_it)                                         \
	{                                                                     \
		.open = open_it, .close = sources_library_free,               \
		.arm = sources_library_arm, .stop = sources_library_stop,     \
		.write = sources_library_write,                               \
		.harvest = sources_library_harvest,                           \
		.found = sources_library_found, .take = sources_library_take, \
	}

#endif
