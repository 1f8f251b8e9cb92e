/* SPDX-License-Identifier: MIT */
/*
 * The end of a bitmap moves: bits stay, new pages are dirty, and marks by
 * markers that read the old size set no page that is gone. (Random programs of
 * random.c and insides.c grow and shrink too.)
 */
#include "support.h"

#include "bitmap/group.h"
#include "bitmap/resize.h"

#define ROOM_PAGES (UINT64_C(3) << 18) /* three words of group bits */

static struct smudge_bitmap *create(uint64_t npages)
{
	struct smudge_bitmap *bitmap;

	assert_int_equal(
		smi_bitmap_create_room(npages, ROOM_PAGES, &bitmap, NULL), 0);
	return bitmap;
}

/* A mark by a thread that read the size before it changed. */
static void mark_late(struct smudge_bitmap *bitmap, uint64_t old_npages,
		      uint64_t first_page, uint64_t npages)
{
	uint64_t now = atomic_load(&bitmap->mark_npages);
	uint64_t fast = atomic_load(&bitmap->fast_npages);

	atomic_store(&bitmap->mark_npages, old_npages);
	atomic_store(&bitmap->fast_npages, fast ? old_npages : 0);
	smudge_bitmap_mark_range(bitmap, first_page, npages);
	atomic_store(&bitmap->mark_npages, now);
	atomic_store(&bitmap->fast_npages, fast);
}

static void test_room(void **state)
{
	struct smudge_bitmap *bitmap;

	assert_int_equal(smi_bitmap_create_room(0, 1, &bitmap, NULL), -22);
	assert_int_equal(smi_bitmap_create_room(2, 1, &bitmap, NULL), -22);
	assert_int_equal(smi_bitmap_create_room(1, SMUDGE_BITMAP_MAX_PAGES + 1,
						&bitmap, NULL),
			 -22);
	bitmap = create(1);
	assert_int_equal(smudge_bitmap_npages(bitmap), 1);
	smudge_bitmap_mark(bitmap, 1);
	assert_false(smudge_bitmap_test(bitmap, 1));
	smi_bitmap_grow(bitmap, ROOM_PAGES);
	assert_int_equal(smudge_bitmap_npages(bitmap), ROOM_PAGES);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, ROOM_PAGES),
			 ROOM_PAGES - 1);
	smudge_bitmap_empty(bitmap);
	smudge_bitmap_mark(bitmap, ROOM_PAGES - 1);
	assert_true(smudge_bitmap_test(bitmap, ROOM_PAGES - 1));
	smudge_bitmap_destroy(bitmap);
}

/* Marks that were not drained before the map shrinks, and grows again. */
static void test_marks_that_are_gone(void **state)
{
	struct smudge_bitmap *bitmap = create(ROOM_PAGES);

	smudge_bitmap_mark_range(bitmap, 0, ROOM_PAGES);
	smi_bitmap_shrink(bitmap, 5000);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, UINT64_MAX), 5000);
	smi_bitmap_grow(bitmap, ROOM_PAGES);
	smudge_bitmap_empty(bitmap);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, UINT64_MAX), 0);
	smudge_bitmap_destroy(bitmap);
}

/* @npages of the map are left; the late marks are @first to @first + 9000. */
static void late_marks(uint64_t npages, uint64_t first)
{
	struct smudge_bitmap *bitmap = create(ROOM_PAGES);
	struct smudge_batch *batch;
	struct smudge_run run;

	smi_bitmap_shrink(bitmap, npages);
	mark_late(bitmap, ROOM_PAGES, first, 9000);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, UINT64_MAX),
			 first < npages ? npages - first : 0);
	assert_int_equal(smudge_bitmap_next_dirty(bitmap, 0, UINT64_MAX, &run),
			 first < npages);
	/* None of them is left for later: not in the plane, nor in the marks.
	 */
	smi_bitmap_grow(bitmap, ROOM_PAGES);
	assert_int_equal(smudge_batch_create(0, &batch, NULL), 0);
	assert_int_equal(smudge_bitmap_take(bitmap, 0, ROOM_PAGES, batch), 0);
	assert_int_equal(smudge_batch_end_page(batch), ROOM_PAGES);
	smudge_batch_discard(batch);
	smudge_bitmap_mark(bitmap, 0);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, UINT64_MAX), 1);
	smudge_batch_destroy(batch);
	smudge_bitmap_destroy(bitmap);
}

static void test_late_marks(void **state)
{
	late_marks(100, 50);	/* of the last word */
	late_marks(100, 5000);	/* of groups that are gone */
	late_marks(4096, 4000); /* of the next group */
	late_marks(8192, 8192);
	late_marks(UINT64_C(1) << 18, (UINT64_C(1) << 18) - 64);
	late_marks(100, UINT64_C(1) << 19); /* a word of group bits that is */
}

/* While a barrier is owed no bit leaves, but those of pages that are gone. */
static void test_owed_barrier(void **state)
{
	struct smudge_bitmap *bitmap = create(10000);

	smudge_bitmap_fill(bitmap);
	bitmap->owes_barrier = true;
	smi_bitmap_shrink(bitmap, 4100);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, UINT64_MAX), 4100);
	smi_bitmap_grow(bitmap, 10000);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, UINT64_MAX), 10000);
	smudge_bitmap_destroy(bitmap);
}

TEST_MAIN(test_room, test_marks_that_are_gone, test_late_marks,
	  test_owed_barrier)
