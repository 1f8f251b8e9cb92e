/* SPDX-License-Identifier: MIT */
/*
 * The cheap test for what does not compress: random pages fail it, what
 * compresses passes, wherever in the page that is.
 */
#include "qcow2/worth.h"

#include <string.h>

#include "image_rig.h"
#include "support.h"

static uint8_t page[PAGE_BYTES];

static unsigned int count_worth(struct test_rng *rng, unsigned int kind)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 1000; i++) {
		image_draw_page(rng, kind, page);
		n += smi_qcow2_is_worth_compressing(page);
	}
	return n;
}

static void random_bytes(void **state)
{
	struct test_rng rng = test_rng_start("random_bytes");

	/* One in six million looks otherwise by chance. */
	assert_in_range(count_worth(&rng, 1), 0, 1);
}

static void what_compresses(void **state)
{
	struct test_rng rng = test_rng_start("what_compresses");

	assert_int_equal(count_worth(&rng, 2), 1000); /* text */
	assert_int_equal(count_worth(&rng, 3), 1000); /* nearly zeros */
	assert_int_equal(count_worth(&rng, 4), 1000); /* one value */
	assert_int_equal(count_worth(&rng, 7), 1000); /* twenty values */
}

/* An eighth of zeros at any place. */
static void partly_random(void **state)
{
	struct test_rng rng = test_rng_start("partly_random");

	for (size_t at = 0; at + 512 <= PAGE_BYTES; at++) {
		image_draw_page(&rng, 1, page);
		memset(page + at, 0, 512);
		assert_true(smi_qcow2_is_worth_compressing(page));
	}
}

/* Numbers of 64 bits whose upper halves are alike, as pointers are. */
static void pointers(void **state)
{
	struct test_rng rng = test_rng_start("pointers");

	for (size_t at = 0; at < PAGE_BYTES; at += 8) {
		uint64_t pointer = UINT64_C(0x7f0000000000) +
				   test_rng_below(&rng, UINT64_C(1) << 32);

		memcpy(page + at, &pointer, 8);
	}
	assert_true(smi_qcow2_is_worth_compressing(page));
}

TEST_MAIN(random_bytes, what_compresses, partly_random, pointers)
