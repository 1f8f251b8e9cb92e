/* SPDX-License-Identifier: MIT */
/*
 * A batch: the pages that one take moved out of a bitmap, as runs.
 *
 * A batch has room for a number of runs fixed at creation, so a take never
 * allocates. Runs are in ascending order; between two of them is at least one
 * page that was clean.
 */
#ifndef SMUDGE_BATCH_H
#define SMUDGE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* Pages [first_page, first_page + npages), in pages of a region. */
struct smudge_run {
	uint64_t first_page;
	uint64_t npages;
};

struct smudge_batch;

/*
 * smudge_batch_create - an empty batch
 * @max_runs: runs it can hold; raised to 4096 if less, refused above 2^30
 * @ret_batch: receives the batch, owned by the caller
 * @err: receives the failure; may be NULL
 *
 * Memory: 8 bytes per run, populated when used. Blocks: on mmap. Threads: any.
 * Return: 0, -EINVAL (@max_runs too large), -ENOMEM.
 */
int smudge_batch_create(size_t max_runs, struct smudge_batch **ret_batch,
			struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(2);

/*
 * smudge_batch_destroy - free a batch
 * @batch: empty batch, or NULL. A batch that still holds taken pages must
 *      be committed or returned first: it has the only copy of its bits.
 *
 * Blocks: no. Threads: no other call may use @batch.
 * Return: 0, -EBUSY (the batch is not empty, and not freed).
 */
int smudge_batch_destroy(struct smudge_batch *batch);

/*
 * smudge_batch_is_empty - true if the batch is not between a take and its end
 *      by commit, return or discard
 * smudge_batch_nruns - number of runs; may be 0 after a smudge_client_take or
 *      smudge_bitmap_take that found nothing dirty
 * smudge_batch_npages - number of pages in all runs
 * smudge_batch_end_page - the page after the last one that the take looked at;
 * 0 if the batch is empty
 *
 * Blocks: no. Threads: one at a time per batch.
 */
bool smudge_batch_is_empty(const struct smudge_batch *batch) SMUDGE_NONNULL(1);
size_t smudge_batch_nruns(const struct smudge_batch *batch) SMUDGE_NONNULL(1);
uint64_t smudge_batch_npages(const struct smudge_batch *batch)
	SMUDGE_NONNULL(1);
uint64_t smudge_batch_end_page(const struct smudge_batch *batch)
	SMUDGE_NONNULL(1);

/*
 * smudge_batch_run - one run of the batch
 * @batch: batch (borrowed)
 * @index: below smudge_batch_nruns; otherwise an empty run is returned
 *
 * Blocks: no. Threads: any number while no call takes, commits, returns or
 * discards the batch.
 */
struct smudge_run smudge_batch_run(const struct smudge_batch *batch,
				   size_t index) SMUDGE_NONNULL(1);

/*
 * smudge_batch_runs - copy several runs at once, for consumers that read all
 * @batch: batch (borrowed)
 * @index: the first run to copy
 * @runs: array of @max runs to fill
 *
 * Blocks: no. Threads: as smudge_batch_run.
 * Return: how many were copied; less than @max only at the end.
 */
size_t smudge_batch_runs(const struct smudge_batch *batch, size_t index,
			 struct smudge_run *runs, size_t max) SMUDGE_NONNULL(1);

/*
 * smudge_batch_discard - end a batch taken from a bare bitmap
 * @batch: empty afterwards; its pages are safely owned by the caller. A batch
 *      taken from a client is left unchanged
 *
 * For batches of smudge_bitmap_take; those of a client end with
 * smudge_client_commit or smudge_client_return.
 * Blocks: no. Threads: one at a time per batch.
 */
void smudge_batch_discard(struct smudge_batch *batch) SMUDGE_NONNULL(1);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
