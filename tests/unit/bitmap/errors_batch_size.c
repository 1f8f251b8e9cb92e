/* SPDX-License-Identifier: MIT */
/*
 * A batch for more runs than there may be: -EINVAL.
 */
#include "support.h"

#include <errno.h>

#include <smudge/bitmap.h>

#include "sentence.h"

static void test_size(void **state)
{
	struct smudge_batch *batch = NULL;
	struct smudge_error err;

	expect_sentence(
		&err, smudge_batch_create(((size_t)1 << 30) + 1, &batch, &err),
		-EINVAL, "a batch has at most 2^30 runs, not 1073741825");
	assert_int_equal(smudge_batch_create(SIZE_MAX, &batch, NULL), -EINVAL);
	assert_null(batch);
}

TEST_MAIN(test_size)
