/* SPDX-License-Identifier: MIT */
/*
 * A batch: the pages that one take moved out of a bitmap, as runs.
 *
 * A batch has room for a number of runs fixed at creation, so a take never
 * allocates. Runs are in ascending order, do not touch each other, and two
 * neighbours are always parted by at least one page that was clean.
 */
#ifndef SMUDGE_BATCH_H
#define SMUDGE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* Consecutive pages [first_page, first_page + npages), in pages of a region */
struct smudge_run {
	uint64_t first_page;
	uint64_t npages;
};

struct smudge_batch;

/*
 * smudge_batch_create - an empty batch
 * @max_runs: runs it can hold; raised to 4096 if less, refused above 2^30
 * @ret: receives the batch, owned by the caller
 *
 * Memory: 8 bytes per run, populated as used. Blocks: on mmap. Threads: any.
 * Return: 0, -EINVAL (@max_runs too large), -ENOMEM.
 */
int smudge_batch_create(size_t max_runs, struct smudge_batch **ret);

/*
 * smudge_batch_destroy - free a batch
 * @batch: empty batch, or NULL. A batch that still holds taken pages must
 *      be committed or returned first: its bits are nowhere else.
 *
 * Blocks: no. Threads: no other call may use @batch.
 * Return: 0, -EBUSY (the batch is not empty, and not freed).
 */
int smudge_batch_destroy(struct smudge_batch *batch);

/*
 * smudge_batch_is_empty - true when no take is outstanding in the batch
 * smudge_batch_nruns - number of runs; 0 is possible for a take that found
 *      nothing
 * smudge_batch_npages - number of pages in all runs
 * smudge_batch_end_page - the take examined everything before this page;
 *      0 when the batch is empty
 *
 * Blocks: no. Threads: one at a time per batch.
 */
bool smudge_batch_is_empty(const struct smudge_batch *batch);
size_t smudge_batch_nruns(const struct smudge_batch *batch);
uint64_t smudge_batch_npages(const struct smudge_batch *batch);
uint64_t smudge_batch_end_page(const struct smudge_batch *batch);

/*
 * smudge_batch_run - one run of the batch
 * @batch: batch (borrowed)
 * @index: below smudge_batch_nruns; above, an empty run is returned
 *
 * Blocks: no. Threads: any number while nobody takes, commits or returns.
 */
struct smudge_run smudge_batch_run(const struct smudge_batch *batch,
				   size_t index);

/*
 * smudge_batch_runs - several runs at once, for consumers that read them all
 * @batch: batch (borrowed)
 * @index: the first run wanted
 * @runs: array of @max runs to fill
 *
 * Blocks: no. Threads: as smudge_batch_run.
 * Return: how many were filled in; less than @max only at the end.
 */
size_t smudge_batch_runs(const struct smudge_batch *batch, size_t index,
			 struct smudge_run *runs, size_t max);

/*
 * smudge_batch_discard - forget a batch taken from a bare bitmap
 * @batch: empty afterwards; its pages are the caller's now. One taken by
 *      smudge_client_take is left alone
 *
 * For batches of smudge_bitmap_take; those of smudge_client_take end with
 * smudge_client_commit or smudge_client_return.
 * Blocks: no. Threads: one at a time per batch.
 */
void smudge_batch_discard(struct smudge_batch *batch);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
