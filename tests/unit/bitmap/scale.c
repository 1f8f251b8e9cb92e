/* SPDX-License-Identifier: MIT */
/*
 * Merges of bits for pages of another size into two bitmaps that have dirty
 * pages already, against the definition page by page: any sizes, any place in
 * the bitmaps, any alignment of the bits, and densities from nothing to all,
 * with maps that are nearly full.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "bitmap/scale.h"
#include "oracle.h"
#include "support.h"

#define MAX_BITS   (UINT64_C(1) << 20)
#define MAX_PAGES  UINT64_C(30000)
#define MAX_BYTES  (MAX_BITS / 8 + 64)
#define NBITMAPS   2
#define NDENSITIES 7
#ifdef TEST_EMULATED /* an emulated processor is slow */
#define NROUNDS 100
#else
#define NROUNDS 1000
#endif

struct round {
	struct smi_scaled from;
	uint64_t source_pages; /* that touch the limit */
	uint64_t npages;       /* of the bitmaps */
	unsigned int density;
	size_t nbytes; /* of bits */
};

/* Zero or a place within 64, or 4096, or anywhere. */
static uint64_t draw_place(struct test_rng *rng, uint64_t below)
{
	static const uint64_t limits[] = {1, 64, 4096, UINT64_MAX};
	uint64_t limit = limits[test_rng_below(rng, 4)];

	return test_rng_below(rng, below < limit ? below : limit);
}

static void draw_sizes(struct test_rng *rng, struct round *r)
{
	struct smi_scaled *from = &r->from;
	uint64_t most = MAX_PAGES;

	from->shift = 1 + (unsigned int)test_rng_below(rng, 14);
	from->is_finer = test_rng_below(rng, 2);
	if (from->is_finer && most > MAX_BITS >> from->shift)
		most = MAX_BITS >> from->shift;
	from->limit_pages = 1 + test_rng_below(rng, most);
	from->base_page = draw_place(rng, 9000);
	r->npages = from->base_page + from->limit_pages + draw_place(rng, 9000);
	r->source_pages =
		from->is_finer ? from->limit_pages << from->shift
			       : ((from->limit_pages - 1) >> from->shift) + 1;
	from->first_page = draw_place(rng, r->source_pages);
	from->npages = r->source_pages - from->first_page;
	if (test_rng_below(rng, 3) == 0)
		from->npages = 1 + test_rng_below(rng, from->npages);
	from->first_bit = draw_place(rng, 200);
	r->density = (unsigned int)test_rng_below(rng, NDENSITIES);
}

static uint8_t draw_byte(struct test_rng *rng, unsigned int density)
{
	uint64_t value = test_rng_next(rng);

	switch (density) {
	case 0:
		return 0;
	case 1: /* 0.01 % and its complement */
		return value >> 8 & 1023 ? 0 : (uint8_t)(1 << (value & 7));
	case 2:
		return value >> 8 & 1023 ? 0xff : (uint8_t) ~(1 << (value & 7));
	case 3: /* 1 % and its complement */
		return value >> 8 & 15 ? 0 : (uint8_t)(1 << (value & 7));
	case 4:
		return value >> 8 & 15 ? 0xff : (uint8_t) ~(1 << (value & 7));
	case 5:
		return (uint8_t)value;
	default:
		return 0xff;
	}
}

/* Against the end of the arena, at any address; nothing is read behind. */
static void draw_bits(struct test_rng *rng, struct round *r,
		      struct arena *arena)
{
	uint64_t end = (r->from.first_bit + r->from.npages + 63) / 64 * 8;
	size_t odd = test_rng_below(rng, 3) ? 0 : test_rng_below(rng, 8);
	uint8_t *bits = arena->end - end - odd;

	r->nbytes = end;
	assert_true(end + odd <= MAX_BYTES);
	for (size_t i = 0; i < end; i++)
		bits[i] = draw_byte(rng, r->density);
	r->from.bits = bits;
}

/* The bitmaps' pages that page @page of the source touches. */
static struct smudge_run touched(const struct round *r, uint64_t page)
{
	const struct smi_scaled *from = &r->from;
	struct smudge_run run = {page >> from->shift, 1};

	if (!from->is_finer) {
		run.first_page = page << from->shift;
		run.npages = from->limit_pages - run.first_page;
		if (run.npages > UINT64_C(1) << from->shift)
			run.npages = UINT64_C(1) << from->shift;
	}
	run.first_page += from->base_page;
	return run;
}

/* What was dirty before, and different in each bitmap. */
static void dirty_before(struct test_rng *rng, const struct round *r,
			 struct smudge_bitmap *bitmap, struct oracle *oracle)
{
	for (uint64_t n = test_rng_below(rng, 4); n; n--) {
		uint64_t first = test_rng_below(rng, r->npages);
		uint64_t npages = 1 + test_rng_below(rng, r->npages - first);

		if (test_rng_below(rng, 2) && npages > 100)
			npages = 100;
		smudge_bitmap_set_range(bitmap, first, npages);
		oracle_assign(oracle, first, npages, true);
	}
}

/* The definition. Return: the number of pages, each once. */
static uint64_t define(const struct round *r, struct oracle oracles[NBITMAPS])
{
	struct oracle found = oracle_create(r->npages);
	const uint8_t *bits = r->from.bits;
	uint64_t count;

	for (uint64_t i = 0; i < r->from.npages; i++) {
		uint64_t bit = r->from.first_bit + i;
		struct smudge_run run;

		if (!(bits[bit / 8] >> bit % 8 & 1))
			continue;
		run = touched(r, r->from.first_page + i);
		oracle_assign(&found, run.first_page, run.npages, true);
		for (int k = 0; k < NBITMAPS; k++)
			oracle_assign(&oracles[k], run.first_page, run.npages,
				      true);
	}
	count = oracle_count(&found, 0, r->npages);
	oracle_destroy(&found);
	return count;
}

static void fail_round(const struct round *r, const char *what)
{
	const struct smi_scaled *from = &r->from;

	fail_msg(
		"%s: %s by 2^%u, %llu pages from %llu, bit %llu of %p, density "
		"%u, at page %llu, limit %llu, of %llu",
		what, from->is_finer ? "fold" : "expand", from->shift,
		(unsigned long long)from->npages,
		(unsigned long long)from->first_page,
		(unsigned long long)from->first_bit, from->bits, r->density,
		(unsigned long long)from->base_page,
		(unsigned long long)from->limit_pages,
		(unsigned long long)r->npages);
}

static void play(struct test_rng *rng, const struct round *r)
{
	struct smudge_bitmap *bitmaps[NBITMAPS];
	struct oracle oracles[NBITMAPS];
	uint64_t found = 7, count;
	const char *difference;

	for (int i = 0; i < NBITMAPS; i++) {
		assert_int_equal(
			smudge_bitmap_create(r->npages, &bitmaps[i], NULL), 0);
		oracles[i] = oracle_create(r->npages);
		dirty_before(rng, r, bitmaps[i], &oracles[i]);
	}
	count = define(r, oracles);
	smi_bitmap_merge_scaled(bitmaps, NBITMAPS, &r->from, &found);
	if (found != 7 + count)
		fail_round(r, "another count");
	for (int i = 0; i < NBITMAPS; i++) {
		difference = oracle_compare(&oracles[i], bitmaps[i]);
		if (difference)
			fail_round(r, difference);
		oracle_destroy(&oracles[i]);
		smudge_bitmap_destroy(bitmaps[i]);
	}
}

static void test_random(void **state)
{
	struct test_rng rng = test_rng_start("bitmap scale");
	struct arena arena = arena_create(MAX_BYTES);
	struct round r = {.density = 0};

	for (unsigned int i = 0; i < NROUNDS; i++) {
		draw_sizes(&rng, &r);
		draw_bits(&rng, &r, &arena);
		play(&rng, &r);
	}
	arena_destroy(&arena);
}

TEST_MAIN(test_random)
