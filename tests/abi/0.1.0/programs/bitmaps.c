/* SPDX-License-Identifier: MIT */
/*
 * Bare bitmaps and batches: bitmap.h and batch.h.
 */
#include <errno.h>

#include "support.h"

static struct smudge_bitmap *bitmap, *other;
static struct smudge_batch *batch;

static void marks_and_queries(void)
{
	struct smudge_run run;
	uint64_t block;

	smudge_bitmap_mark(bitmap, 3);
	smudge_bitmap_mark_range(bitmap, 100, 50);
	smudge_bitmap_set_range(bitmap, 200, 2);
	smudge_bitmap_clear_range(bitmap, 201, 1);
	NEED(smudge_bitmap_npages(bitmap) == NPAGES);
	NEED(smudge_bitmap_count(bitmap, 0, NPAGES) == 52);
	NEED(smudge_bitmap_test(bitmap, 3) && !smudge_bitmap_test(bitmap, 4));
	NEED(smudge_bitmap_any(bitmap, 0, 4) &&
	     smudge_bitmap_all(bitmap, 100, 50));
	NEED(smudge_bitmap_next_dirty(bitmap, 4, NPAGES, &run));
	NEED(run.first_page == 100 && run.npages == 50);
	NEED(smudge_bitmap_next_clean(bitmap, 100, NPAGES, &run));
	NEED(run.first_page == 150 && run.npages == 50);
	NEED(smudge_bitmap_next_block(bitmap, 6, 1, &block) && block == 1);
	NEED(smudge_bitmap_resident_bytes(bitmap) > 0);
	NEED(smudge_bitmap_variant());
}

static void merge_of_two(void)
{
	const uint64_t bits[2] = {0x8, 0};
	struct smudge_run run;

	NEED(smudge_bitmap_merge(&other, 1, 0, bits, 0, 64) == 0);
	NEED(smudge_bitmap_next_both(bitmap, other, 0, NPAGES, &run));
	NEED(run.first_page == 3 && run.npages == 1);
	smudge_bitmap_empty(other);
	NEED(!smudge_bitmap_any(other, 0, NPAGES));
	smudge_bitmap_fill(other);
	NEED(smudge_bitmap_all(other, 0, NPAGES));
}

static void take_and_return(void)
{
	struct smudge_run runs[4], run;

	NEED(smudge_batch_is_empty(batch));
	NEED(smudge_bitmap_take(bitmap, 0, NPAGES, batch) == 0);
	NEED(!smudge_batch_is_empty(batch) && smudge_batch_nruns(batch) == 3);
	NEED(smudge_batch_npages(batch) == 52);
	NEED(smudge_batch_end_page(batch) == NPAGES);
	NEED(smudge_batch_runs(batch, 1, runs, 4) == 2);
	run = smudge_batch_run(batch, 1);
	NEED(runs[0].first_page == 100 && run.first_page == 100);
	NEED(smudge_batch_destroy(batch) == -EBUSY);
	NEED(smudge_bitmap_take(bitmap, 0, NPAGES, batch) == -EBUSY);
	smudge_bitmap_return(bitmap, batch);
	NEED(smudge_bitmap_count(bitmap, 0, NPAGES) == 52);
	NEED(smudge_bitmap_take(bitmap, 0, NPAGES, batch) == 0);
	smudge_batch_discard(batch);
	NEED(smudge_bitmap_count(bitmap, 0, NPAGES) == 0);
}

int main(void)
{
	NEED(smudge_bitmap_create(NPAGES, &bitmap, NULL) == 0);
	NEED(smudge_bitmap_create(NPAGES, &other, NULL) == 0);
	NEED(smudge_batch_create(0, &batch, NULL) == 0);
	marks_and_queries();
	merge_of_two();
	take_and_return();
	NEED(smudge_batch_destroy(batch) == 0);
	smudge_bitmap_destroy(bitmap);
	smudge_bitmap_destroy(other);
	return 0;
}
