/* SPDX-License-Identifier: MIT */
/*
 * Merging at every bit offset on both sides: 64 page offsets times 64 bit
 * offsets, lengths around one and several words, into one, two and three
 * bitmaps at once. Random programs may miss one of the 4096 pairs; this walks
 * them all.
 */
#include "support.h"

#include <stdlib.h>

#include "oracle.h"

#define NPAGES 1500

struct maps {
	struct smudge_bitmap *bitmap[3];
	struct oracle oracle;
};

static void fill_bits(struct test_rng *rng, uint64_t *bits, size_t nwords)
{
	for (size_t i = 0; i < nwords; i++) {
		uint64_t kind = test_rng_below(rng, 4);

		bits[i] = kind == 0   ? 0
			  : kind == 1 ? ~UINT64_C(0)
				      : test_rng_next(rng);
	}
}

static void merge_once(struct maps *maps, struct test_rng *rng,
		       unsigned int page_offset, unsigned int bit_offset)
{
	static const uint64_t lengths[] = {1,	63,  64,  65,  127,
					   128, 200, 512, 777, 1024};
	uint64_t npages = lengths[test_rng_below(rng, 10)];
	uint64_t first = page_offset + 64 * test_rng_below(rng, 4);
	size_t count = 1 + (size_t)test_rng_below(rng, 3);
	size_t nwords = (bit_offset + npages + 63) / 64;
	uint64_t *bits = malloc(nwords * 8);

	assert_non_null(bits);
	fill_bits(rng, bits, nwords);
	oracle_assign(&maps->oracle, 0, NPAGES, false);
	oracle_merge(&maps->oracle, first, (uint8_t *)bits, bit_offset, npages);
	assert_int_equal(smudge_bitmap_merge(maps->bitmap, count, first, bits,
					     bit_offset, npages),
			 0);
	free(bits);
	for (size_t i = 0; i < count; i++) {
		const char *what =
			oracle_compare(&maps->oracle, maps->bitmap[i]);

		if (what)
			fail_msg("%s: page %u bit %u length %llu", what,
				 page_offset, bit_offset,
				 (unsigned long long)npages);
		smudge_bitmap_empty(maps->bitmap[i]);
	}
}

static void test_every_offset(void **state)
{
	struct test_rng rng = test_rng_start("bitmap_alignment");
	struct maps maps = {.oracle = oracle_create(NPAGES)};

	for (int i = 0; i < 3; i++)
		assert_int_equal(
			smudge_bitmap_create(NPAGES, &maps.bitmap[i], NULL), 0);
	for (unsigned int page = 0; page < 64; page++)
		for (unsigned int bit = 0; bit < 64; bit++)
			merge_once(&maps, &rng, page, bit);
	for (int i = 0; i < 3; i++)
		smudge_bitmap_destroy(maps.bitmap[i]);
	oracle_destroy(&maps.oracle);
}

TEST_MAIN(test_every_offset)
