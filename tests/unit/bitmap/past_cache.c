/* SPDX-License-Identifier: MIT */
/*
 * Merges so large that their stores pass the cache: groups of every density,
 * into clean and into dirty bitmaps, aligned and not, word by word against a
 * plain OR. Once for each vector variant.
 */
#include "support.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/bitmap.h>

#define GROUPS	UINT64_C(4100) /* of 4096 pages: more than 2^24 pages */
#define NWORDS	(GROUPS * 64)
#define NPAGES	(NWORDS * 64)
#define NRUNS	(1 << 20)
#define NKINDS	6
#define ROUNDS	3
#define NCLIENT 2

struct rig {
	struct smudge_bitmap *bitmap[NCLIENT];
	struct smudge_batch *batch;
	uint64_t *expected[NCLIENT];
	uint64_t *source; /* little-endian; one word more */
	uint64_t *found;
};

static void open_rig(struct rig *rig)
{
	for (int i = 0; i < NCLIENT; i++) {
		assert_int_equal(
			smudge_bitmap_create(NPAGES, &rig->bitmap[i], NULL), 0);
		rig->expected[i] = calloc(NWORDS, 8);
		assert_non_null(rig->expected[i]);
	}
	assert_int_equal(smudge_batch_create(NRUNS, &rig->batch, NULL), 0);
	rig->source = calloc(NWORDS + 1, 8);
	rig->found = calloc(NWORDS, 8);
	assert_non_null(rig->source);
	assert_non_null(rig->found);
}

static void close_rig(struct rig *rig)
{
	for (int i = 0; i < NCLIENT; i++) {
		smudge_bitmap_destroy(rig->bitmap[i]);
		free(rig->expected[i]);
	}
	smudge_batch_destroy(rig->batch);
	free(rig->source);
	free(rig->found);
}

static uint64_t draw_word(struct test_rng *rng, uint64_t kind)
{
	uint64_t word = test_rng_next(rng);

	switch (kind) {
	case 0:
		return 0;
	case 1:
		return word % 32 ? 0 : UINT64_C(1) << (word >> 58);
	case 2:
		return word & test_rng_next(rng) & test_rng_next(rng);
	case 3:
		return word % 2 ? ~UINT64_C(0) : word;
	case 4:
		return word % 8 ? ~UINT64_C(0) : 0;
	default:
		return ~UINT64_C(0);
	}
}

static void draw(struct rig *rig, struct test_rng *rng)
{
	uint64_t kind = 0;

	for (uint64_t i = 0; i <= NWORDS; i++) {
		if (i % 64 == 0)
			kind = test_rng_below(rng, NKINDS);
		rig->source[i] = htole64(draw_word(rng, kind));
	}
}

/* Merge the source from bit @offset on into the first @n bitmaps. */
static void merge(struct rig *rig, size_t n, unsigned int offset)
{
	assert_int_equal(smudge_bitmap_merge(rig->bitmap, n, 0, rig->source,
					     offset, NPAGES),
			 0);
	for (size_t k = 0; k < n; k++) {
		for (uint64_t i = 0; i < NWORDS; i++) {
			uint64_t word = le64toh(rig->source[i]) >> offset;

			if (offset)
				word |= le64toh(rig->source[i + 1])
					<< (64 - offset);
			rig->expected[k][i] |= word;
		}
	}
}

static void add_run(uint64_t *words, struct smudge_run run)
{
	for (uint64_t page = run.first_page;
	     page < run.first_page + run.npages;) {
		uint64_t end = (page | 63) + 1;
		uint64_t last = run.first_page + run.npages;
		uint64_t n = (end < last ? end : last) - page;

		words[page / 64] |= ~UINT64_C(0) >> (64 - n) << page % 64;
		page += n;
	}
}

static void take(struct rig *rig, size_t k)
{
	uint64_t at = 0;

	memset(rig->found, 0, NWORDS * 8);
	while (at < NPAGES) {
		assert_int_equal(smudge_bitmap_take(rig->bitmap[k], at,
						    NPAGES - at, rig->batch),
				 0);
		for (size_t i = 0; i < smudge_batch_nruns(rig->batch); i++)
			add_run(rig->found, smudge_batch_run(rig->batch, i));
		at = smudge_batch_end_page(rig->batch);
		smudge_batch_discard(rig->batch);
	}
	for (uint64_t i = 0; i < NWORDS; i++)
		if (rig->found[i] != rig->expected[k][i])
			fail_msg("bitmap %zu, word %llu: %llx, expected %llx",
				 k, (unsigned long long)i,
				 (unsigned long long)rig->found[i],
				 (unsigned long long)rig->expected[k][i]);
	memset(rig->expected[k], 0, NWORDS * 8);
}

/* The second bitmap is taken later, so that it is merged into while dirty. */
static void test_past_cache(void **state)
{
	struct test_rng rng = test_rng_start("merges past the cache");
	struct rig rig;

	open_rig(&rig);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		draw(&rig, &rng);
		merge(&rig, NCLIENT, 0);
		take(&rig, 0);
		draw(&rig, &rng);
		merge(&rig, NCLIENT,
		      1 + (unsigned int)test_rng_below(&rng, 63));
		draw(&rig, &rng);
		merge(&rig, 1, 0);
		take(&rig, 1);
		take(&rig, 0);
	}
	close_rig(&rig);
}

TEST_MAIN(test_past_cache)
