/* SPDX-License-Identifier: MIT */
/*
 * Programs of bitmap operations: each step draws an operation and its
 * arguments, does it to three bitmaps and to their oracles, and compares.
 * Where the draws come from is the caller's: a seeded generator in the unit
 * tests, the fuzzer's bytes there. A difference is a sentence in
 * program->failure.
 */
#ifndef TESTS_SUPPORT_PROGRAM_H
#define TESTS_SUPPORT_PROGRAM_H

#include "oracle.h"

#define PROGRAM_BITMAPS 3

struct program {
	/* evenly or as the bytes say, in [0, bound); bound is not 0 */
	uint64_t (*draw)(void *opaque, uint64_t bound);
	void *opaque;
	struct smudge_bitmap *bitmap[PROGRAM_BITMAPS];
	struct oracle oracle[PROGRAM_BITMAPS];
	struct smudge_batch *batch[PROGRAM_BITMAPS];
	size_t max_runs[PROGRAM_BITMAPS];
	uint64_t max_npages[PROGRAM_BITMAPS]; /* they grow and shrink */
	bool is_taken[PROGRAM_BITMAPS];	      /* the batch holds a take */
	char failure[200];
};

/*
 * Bitmaps of npages, npages + 1 and npages + 100 pages at first. draw and
 * opaque are set by the caller before. Return: false when memory is short.
 */
bool program_start(struct program *program, uint64_t npages);
void program_end(struct program *program);

/* One operation on all it concerns. Return: false on a difference. */
bool program_step(struct program *program);

/* Compare at drawn places; cheap whatever the size. */
bool program_sample(struct program *program);

/* Compare everything. */
bool program_compare(struct program *program);

/* ---- the parts of it -------------------------------------------------- */

/* A page that is likely to be interesting; often outside the map. */
uint64_t program_draw_page(struct program *program, uint64_t npages);
uint64_t program_draw_length(struct program *program, uint64_t npages);

bool program_fail(struct program *program, const char *what,
		  uint64_t first_page, uint64_t npages);

bool program_merge(struct program *program);
bool program_take(struct program *program, unsigned int which);
bool program_query(struct program *program, unsigned int which);

#endif
