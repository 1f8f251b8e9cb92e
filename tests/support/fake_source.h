/* SPDX-License-Identifier: MIT */
/*
 * A source of the test's own: it reports the bits that the test puts into it,
 * counts the calls of its operations, and fails when the test wants it. Also a
 * memory with regions over no real memory at all, since nothing but kernel
 * sources ever touches hva.
 */
#ifndef TESTS_SUPPORT_FAKE_SOURCE_H
#define TESTS_SUPPORT_FAKE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/client.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#define FAKE_WORDS 256 /* 16384 pages of the source */

struct fake_source {
	struct smudge_source *source;
	uint64_t bits[FAKE_WORDS]; /* reported and cleared by a harvest */
	uint64_t first_bit;	   /* where page 0 is in them */
	unsigned int page_shift;   /* of the source's pages; 0: 12 */
	uint64_t npages;	   /* bits reported; 0: the whole range */

	int start_error; /* negative: the next ones fail so */
	int harvest_error;
	int harvest_error_after; /* pages reported before it fails */
	int rearm_error;

	struct smudge_source_range range; /* of the last start */
	bool is_running;
	unsigned int starts, stops, harvests, rearms, destroys;
	uint64_t rearmed_pages;
	uint64_t rearmed_first; /* first page of the last batch */
};

/* The struct is cleared first. */
void fake_create(struct fake_source *fake, bool has_rearm);

/* Destroys the smudge source; the struct stays readable. */
void fake_destroy(struct fake_source *fake);

/* Page @page of the source will be reported by the next harvest. */
void fake_write(struct fake_source *fake, uint64_t page);

/* A region of 4 KiB pages, named by its gpa. */
struct smudge_region *fake_region(struct smudge_memory *memory, uint64_t gpa,
				  uint64_t npages);

/* The same, which may grow to @max_npages. */
struct smudge_region *fake_region_room(struct smudge_memory *memory,
				       uint64_t gpa, uint64_t npages,
				       uint64_t max_npages);

/* A client that watches everything; clean at first if @clean. */
struct smudge_client *fake_client(struct smudge_memory *memory,
				  const char *name, bool is_clean);

/* Take all of a region, commit, and return the number of pages. */
uint64_t fake_take(struct smudge_client *client, struct smudge_region *region);

struct smudge_memory_stats fake_stats(struct smudge_memory *memory);

#endif
