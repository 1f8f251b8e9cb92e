/* SPDX-License-Identifier: MIT */
/*
 * What the tracking of a memory costs. memory.h includes it.
 */
#ifndef SMUDGE_MEMORY_STATS_H
#define SMUDGE_MEMORY_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "attributes.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_memory;

/* What the tracking itself costs. Totals since the memory was created. */
struct smudge_memory_stats {
	size_t size;		    /* set by the caller: sizeof */
	uint64_t nregions;	    /* now */
	uint64_t nclients;	    /* now open */
	uint64_t nsources_running;  /* now */
	uint64_t bitmap_bytes;	    /* resident now */
	uint64_t bitmap_peak_bytes; /* maximum, as measured by this call and
				       when clients close */
	uint64_t harvests;	    /* harvests of one region */
	uint64_t harvest_ns;	    /* time in them, kernel calls included */
	uint64_t harvested_pages;   /* reported by sources, repeats counted */
	uint64_t harvest_errors;    /* of sources, in harvests and looks */
	uint64_t takes;
	uint64_t take_ns; /* time in takes, re-arming included */
	uint64_t taken_pages;
	uint64_t rearm_ns; /* spent re-arming: part of take_ns, and of
			      harvest_ns for quiesced harvests */
	uint64_t returned_pages;
	uint64_t looks; /* of one region; includes plain harvests that were
			   looks, which do not count as harvests */
	uint64_t look_ns;
	uint64_t looked_pages; /* reported to looks, repeats counted */
	uint64_t kept_pages;   /* that takes left dirty, because membarrier(2)
				  was refused later and no other barrier
				  worked; otherwise 0 */
	uint64_t unfreed;      /* now: removed views, tables and regions that
				  wait for such a barrier */
	uint64_t uncovered_pages; /* now: of all regions, in their pages: no
				     source is attached there, so only marks
				     make them dirty. source.h:
				     smudge_region_next_uncovered */
};

/*
 * smudge_memory_stats - read the statistics
 * @memory: memory (borrowed)
 * @stats: size is set by the caller; fields beyond it are not written, nor
 *      fields that this library does not know
 *
 * Blocks: on the memory's lock and mincore(2). Threads: any.
 * Return: 0, -EINVAL (size is smaller than the first version's).
 */
int smudge_memory_stats(struct smudge_memory *memory,
			struct smudge_memory_stats *stats) SMUDGE_NONNULL(1, 2);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
