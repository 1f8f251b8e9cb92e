/* SPDX-License-Identifier: MIT */
/*
 * membarrier(2) is denied after bitmaps were made. The drain that detects this,
 * in the middle of marks, loses nothing: it uses another barrier. Where there
 * is none at all, pages that are taken stay dirty until a barrier works.
 */
#include "barrier_rig.h"

#include <errno.h>
#include <sys/syscall.h>

#include "deny.h"

#include "bitmap/layout.h"
#include "sys/barrier.h"

static const struct deny_rule no_membarrier = {.call = SYS_membarrier,
					       .answer = EPERM};

/* Each round is on a bitmap of its own, whose first take finds out. */
static bool run_denied(void *opaque)
{
	struct barrier_rig *rig = opaque;

	if (!barrier_rig_start(rig, BARRIER_ROUNDS) ||
	    atomic_load(&rig->bitmaps[1]->fast_npages) == 0 ||
	    !deny(&no_membarrier, 1) ||
	    barrier_rig_run(rig, false, BARRIER_ROUNDS))
		return false;
	return atomic_load(&rig->bitmaps[1]->fast_npages) == 0 &&
	       !rig->bitmaps[1]->owes_barrier;
}

static void test_filter(void **state)
{
	static struct barrier_rig rig;

	if (!smi_sys_barrier_register())
		test_skip_without("membarrier", "it is not in this kernel");
	barrier_need_two_processors();
	deny_and_run(NULL, 0, run_denied, &rig);
}

/*
 * The same without the filter's own time, in which most stores land: without
 * the second barrier pages are lost.
 */
static void test_drain_finds_out(void **state)
{
	static struct barrier_rig rig;

	barrier_need_losses(BARRIER_REFUSED, BARRIER_LEFT_OUT, false);
	assert_true(barrier_rig_start(&rig, BARRIER_ROUNDS));
	barrier_fast = BARRIER_REFUSED;
	assert_int_equal(barrier_rig_run(&rig, false, BARRIER_ROUNDS), 0);
	barrier_fast = BARRIER_REAL;
	barrier_rig_stop(&rig);
}

/* No take has a barrier; each round's last one comes after the stores. */
static void test_no_barrier_at_all(void **state)
{
	static struct barrier_rig rig;

	barrier_need_losses(BARRIER_REFUSED, BARRIER_LEFT_OUT, true);
	assert_true(barrier_rig_start(&rig, BARRIER_ROUNDS));
	barrier_fast = barrier_slow = BARRIER_REFUSED;
	assert_int_equal(barrier_rig_run(&rig, true, BARRIER_ROUNDS), 0);
	barrier_fast = barrier_slow = BARRIER_REAL;
	barrier_rig_stop(&rig);
}

static struct smudge_bitmap *marked_bitmap(void)
{
	struct smudge_bitmap *bitmap;

	if (!smi_sys_barrier_register())
		test_skip_without("membarrier", "it is not in this kernel");
	assert_int_equal(smudge_bitmap_create(10000, &bitmap, NULL), 0);
	smudge_bitmap_mark(bitmap, 5);
	smudge_bitmap_mark_range(bitmap, 4000, 200);
	return bitmap;
}

static void assert_take_gives(struct smudge_bitmap *bitmap,
			      struct smudge_batch *batch, uint64_t npages)
{
	assert_int_equal(smudge_bitmap_take(bitmap, 0, 10000, batch), 0);
	assert_int_equal(smudge_batch_npages(batch), npages);
	smudge_batch_discard(batch);
}

static void test_takes_keep(void **state)
{
	struct smudge_bitmap *bitmap = marked_bitmap();
	struct smudge_batch *batch;

	assert_int_equal(smudge_batch_create(0, &batch, NULL), 0);
	barrier_fast = barrier_slow = BARRIER_REFUSED;
	assert_take_gives(bitmap, batch, 201);
	assert_take_gives(bitmap, batch, 201);
	smudge_bitmap_mark(bitmap, 7);
	/* what lies outside is ignored in this way too */
	smudge_bitmap_mark(bitmap, 10000);
	smudge_bitmap_mark_range(bitmap, 9999, UINT64_MAX);
	smudge_bitmap_mark_range(bitmap, 0, 0);
	assert_take_gives(bitmap, batch, 203);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, UINT64_MAX), 203);
	assert_int_equal(bitmap->kept_pages, 201 + 201 + 203);
	barrier_slow = BARRIER_REAL;
	assert_take_gives(bitmap, batch, 203);
	assert_take_gives(bitmap, batch, 0);
	assert_int_equal(bitmap->kept_pages, 201 + 201 + 203);
	barrier_fast = BARRIER_REAL;
	smudge_batch_destroy(batch);
	smudge_bitmap_destroy(bitmap);
}

/* Nothing is cleared either: the marks may be those of later stores. */
static void test_clears_keep(void **state)
{
	struct smudge_bitmap *bitmap = marked_bitmap();

	barrier_fast = barrier_slow = BARRIER_REFUSED;
	smudge_bitmap_clear_range(bitmap, 0, 4100);
	smudge_bitmap_empty(bitmap);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, 10000), 201);
	barrier_slow = BARRIER_REAL;
	smudge_bitmap_clear_range(bitmap, 0, 4100);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, 10000), 100);
	smudge_bitmap_empty(bitmap);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, 10000), 0);
	barrier_fast = BARRIER_REAL;
	smudge_bitmap_destroy(bitmap);
}

TEST_MAIN(test_filter, test_drain_finds_out, test_no_barrier_at_all,
	  test_takes_keep, test_clears_keep)
