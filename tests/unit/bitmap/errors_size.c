/* SPDX-License-Identifier: MIT */
/*
 * A bitmap of no pages, or of more than the largest: -EINVAL, and nothing is
 * written to the result.
 */
#include "support.h"

#include <errno.h>

#include <smudge/bitmap.h>

#include "sentence.h"

static void test_size(void **state)
{
	struct smudge_bitmap *bitmap = NULL;
	struct smudge_error err;

	expect_sentence(&err, smudge_bitmap_create(0, &bitmap, &err), -EINVAL,
			"a bitmap has from 1 to 2^40 pages, not 0");
	assert_int_equal(smudge_bitmap_create(SMUDGE_BITMAP_MAX_PAGES + 1,
					      &bitmap, NULL),
			 -EINVAL);
	assert_int_equal(smudge_bitmap_create(UINT64_MAX, &bitmap, NULL),
			 -EINVAL);
	assert_null(bitmap);
	smudge_bitmap_destroy(NULL);
}

TEST_MAIN(test_size)
