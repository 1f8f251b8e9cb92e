/* SPDX-License-Identifier: MIT */
/*
 * Pages that threads compare with their digests: the first wrong one is found,
 * and what is right stays compressed only as far as it may be copied.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "../qcow2/image_rig.h"
#include "checkpoint/prune_check.h"
#include "qcow2/worth.h"
#include "support.h"

#define NPAGES 500
#define FIRST  7000 /* page of the disk */

static uint8_t disk[NPAGES * PAGE_BYTES], bytes[NPAGES * PAGE_BYTES];
static uint8_t kinds[NPAGES];
static uint16_t packed_bytes[NPAGES];
static bool may_stay[NPAGES];
static struct smi_qcow2_digest digests[NPAGES];

static const struct smi_prune_block block = {
	.first_page = FIRST,
	.npages = NPAGES,
	.kinds = kinds,
	.bytes = bytes,
	.packed_bytes = packed_bytes,
	.digests = digests,
};

static uint8_t *at(uint64_t page)
{
	return bytes + page * PAGE_BYTES;
}

/* In one frame, or in two, with something behind it. */
static void pack(struct test_rng *rng, uint64_t page)
{
	const uint8_t *from = disk + page * PAGE_BYTES;
	size_t split = test_rng_below(rng, 3)
			       ? PAGE_BYTES
			       : 1 + test_rng_below(rng, PAGE_BYTES - 1);
	uint8_t data[3 * PAGE_BYTES];
	size_t n = ZSTD_compress(data, sizeof(data), from, split, 1);

	may_stay[page] = split == PAGE_BYTES && n <= SMI_QCOW2_MAX_PACKED_BYTES;
	if (split < PAGE_BYTES)
		n += ZSTD_compress(data + n, sizeof(data) - n, from + split,
				   PAGE_BYTES - split, 1);
	if (n > PAGE_BYTES)
		return; /* it stays raw */
	memcpy(at(page), data, n);
	packed_bytes[page] =
		(uint16_t)(n + test_rng_below(rng, PAGE_BYTES - n + 1));
}

static void draw(struct test_rng *rng)
{
	for (uint64_t i = 0; i < NPAGES; i++) {
		uint8_t *page = disk + i * PAGE_BYTES;

		kinds[i] = (uint8_t)test_rng_below(rng, 3);
		image_draw_page(rng, (unsigned int)test_rng_next(rng), page);
		packed_bytes[i] = 0;
		may_stay[i] = false;
		memcpy(at(i), page, PAGE_BYTES);
		if (kinds[i] == SMI_PRUNE_DATA && test_rng_below(rng, 3))
			pack(rng, i);
		digests[i] = smi_qcow2_digest(FIRST + i, page);
		if (kinds[i] == SMI_PRUNE_ZEROS)
			digests[i] = (struct smi_qcow2_digest){0};
		may_stay[i] &= !smi_qcow2_digest_is_zero(digests[i]);
	}
}

static void expect_right(bool is_unpacked)
{
	for (uint64_t i = 0; i < NPAGES; i++) {
		const uint8_t *page = disk + i * PAGE_BYTES;

		if (kinds[i] != SMI_PRUNE_DATA)
			continue;
		if (packed_bytes[i]) {
			uint8_t unpacked[PAGE_BYTES];

			assert_true(may_stay[i] && !is_unpacked);
			/* No more than its frame. */
			assert_int_equal(ZSTD_decompress(unpacked, PAGE_BYTES,
							 at(i),
							 packed_bytes[i]),
					 PAGE_BYTES);
			assert_memory_equal(unpacked, page, PAGE_BYTES);
		} else {
			assert_true(is_unpacked || !may_stay[i]);
			assert_memory_equal(at(i), page, PAGE_BYTES);
		}
	}
}

static struct smi_prune_checker *create(struct test_rng *rng, bool is_unpacked)
{
	struct smi_prune_checker *checker;
	unsigned int nthreads = (unsigned int)test_rng_below(rng, 5);

	assert_int_equal(
		smi_prune_checker_create(nthreads, is_unpacked, &checker, NULL),
		0);
	return checker;
}

static void what_is_right_stays(void **state)
{
	struct test_rng rng = test_rng_start("prune_check right");

	for (unsigned int i = test_rounds(8); i; i--) {
		bool is_unpacked = test_rng_below(&rng, 2);
		struct smi_prune_checker *checker = create(&rng, is_unpacked);
		uint64_t index;

		for (int j = 0; j < 3; j++) {
			draw(&rng);
			assert_int_equal(
				smi_prune_check(checker, &block, &index), 0);
			expect_right(is_unpacked);
		}
		smi_prune_checker_destroy(checker);
	}
	smi_prune_checker_destroy(NULL);
}

/* Of data, and of zeros that are to be something else. */
static void spoil(struct test_rng *rng, uint64_t page)
{
	if (test_rng_below(rng, 2) && packed_bytes[page])
		at(page)[0] ^= 1; /* no frame any more */
	else
		digests[page].low ^= 1;
}

/* Each with a chance of 1 in @n. Return: the first, or NPAGES. */
static uint64_t spoil_some(struct test_rng *rng, uint64_t n)
{
	uint64_t first = NPAGES;

	for (uint64_t i = NPAGES; i-- > 0;) {
		if (kinds[i] == SMI_PRUNE_NOWHERE || test_rng_below(rng, n))
			continue;
		spoil(rng, i);
		first = i;
	}
	return first;
}

static void the_first_wrong_one_is_found(void **state)
{
	struct test_rng rng = test_rng_start("prune_check wrong");
	struct smi_prune_checker *checker = create(&rng, false);

	for (unsigned int i = test_rounds(20); i; i--) {
		uint64_t first, index;
		int ret;

		draw(&rng);
		first = spoil_some(&rng, 1 + test_rng_below(&rng, NPAGES));
		ret = smi_prune_check(checker, &block, &index);
		assert_int_equal(ret, first < NPAGES ? -EBADMSG : 0);
		if (ret)
			assert_int_equal(index, first);
	}
	smi_prune_checker_destroy(checker);
}

TEST_MAIN(what_is_right_stays, the_first_wrong_one_is_found)
