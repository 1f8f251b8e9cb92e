/* SPDX-License-Identifier: MIT */
/*
 * Digests of pages and of moments: a page of zeros has none, the place counts,
 * and a sum follows a change in any order, through carries.
 */
#include <string.h>

#include "qcow2/digest.h"
#include "qcow2/format.h"
#include "support.h"

static uint8_t page[SMI_QCOW2_PAGE_BYTES];

static void zeros_are_zero(void **state)
{
	memset(page, 0, sizeof(page));
	assert_true(smi_qcow2_digest_is_zero(smi_qcow2_digest(7, page)));
	page[sizeof(page) - 1] = 1;
	assert_false(smi_qcow2_digest_is_zero(smi_qcow2_digest(7, page)));
}

static void place_counts(void **state)
{
	memset(page, 3, sizeof(page));
	assert_false(smi_qcow2_digest_is_equal(smi_qcow2_digest(1, page),
					       smi_qcow2_digest(2, page)));
}

/* XXH3-128 with a seed, as the library's documents print it: fixed for ever. */
static void value_is_fixed(void **state)
{
	memset(page, 0x5a, sizeof(page));
	struct smi_qcow2_digest digest = smi_qcow2_digest(5, page);

	assert_int_equal(digest.low, UINT64_C(0xea04215e188ce189));
	assert_int_equal(digest.high, UINT64_C(0xdd8fe53cfbeef96a));
}

static void sums_carry(void **state)
{
	const struct smi_qcow2_digest a = {UINT64_MAX, 1}, b = {2, UINT64_MAX};
	struct smi_qcow2_digest sum = smi_qcow2_digest_add(a, b);

	assert_int_equal(sum.low, 1);
	assert_int_equal(sum.high, 1);
	assert_true(smi_qcow2_digest_is_equal(smi_qcow2_digest_sub(sum, a), b));
	assert_true(smi_qcow2_digest_is_equal(smi_qcow2_digest_sub(sum, b), a));
}

TEST_MAIN(zeros_are_zero, place_counts, value_is_fixed, sums_carry)
