/* SPDX-License-Identifier: MIT */
/*
 * Committing or returning a batch that another client took, or a bare bitmap:
 * -EINVAL, the batch is unchanged. An empty one is a no-op. Calls for bare
 * bitmaps leave a client's batch alone.
 */
#include "support.h"

#include <errno.h>

#include <smudge/bitmap.h>

#include "fake_source.h"
#include "fixture.h"

static void test_foreign_batch(void **state)
{
	struct fixture *f = *state;
	struct smudge_client *other;
	struct smudge_bitmap *bitmap;

	other = fake_client(f->memory, "other", false);
	assert_int_equal(smudge_client_commit(other, f->batch), 0);
	assert_int_equal(smudge_client_return(other, f->batch), 0);
	assert_int_equal(fixture_take(f, 0, 100, NULL), 0);
	assert_int_equal(smudge_client_commit(other, f->batch), -EINVAL);
	assert_int_equal(smudge_client_return(other, f->batch), -EINVAL);
	assert_int_equal(smudge_bitmap_create(10, &bitmap, NULL), 0);
	smudge_bitmap_return(bitmap, f->batch);
	smudge_batch_discard(f->batch);
	assert_int_equal(smudge_batch_npages(f->batch), 100);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, 10), 0);
	assert_int_equal(smudge_client_commit(f->client, f->batch), 0);
	smudge_bitmap_fill(bitmap);
	assert_int_equal(smudge_bitmap_take(bitmap, 0, 10, f->batch), 0);
	assert_int_equal(smudge_client_commit(f->client, f->batch), -EINVAL);
	assert_int_equal(smudge_client_return(f->client, f->batch), -EINVAL);
	smudge_batch_discard(f->batch);
	smudge_bitmap_destroy(bitmap);
	assert_int_equal(smudge_client_close(other), 0);
}

TEST_MAIN_WITH(fixture_set_up, fixture_tear_down, test_foreign_batch)
