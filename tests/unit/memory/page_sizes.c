/* SPDX-License-Identifier: MIT */
/*
 * Sources with pages of another size than their region's: any two sizes, any
 * place in the region, any alignment of the bits, a range that ends within a
 * page of the source. Random rounds against the definition, byte by byte: a
 * page of the region is dirty if it has a byte of a page that was reported.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include <smudge/client.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#include "arena.h"
#include "fake_source.h"
#include "idle_source.h"

#define MAX_BITS  (UINT64_C(1) << 20)
#define MAX_PAGES UINT64_C(20000)
#define MAX_WORDS (MAX_BITS / 64 + 8)
#ifdef TEST_EMULATED /* an emulated processor is slow */
#define NROUNDS 150
#else
#define NROUNDS 1500
#endif

/* What one round has. */
struct round {
	unsigned int region_shift, source_shift;
	uint64_t region_pages;
	uint64_t first, npages; /* of the region, that the source has */
	uint64_t source_pages;	/* that touch these */
	/* what is reported */
	const uint8_t *bits;
	uint64_t first_bit, first_page, nbits;
	unsigned int reported_shift; /* 0: source_shift */
	uint8_t *expected;	     /* [region_pages] */
};

static int harvest(void *opaque, struct smudge_sink *sink,
		   struct smudge_error *err)
{
	const struct round *r = opaque;

	smudge_sink_bitmap(sink, r->first_page, r->bits, r->first_bit, r->nbits,
			   r->reported_shift ? r->reported_shift
					     : r->source_shift);
	return 0;
}

/* The last one may reach beyond the range. */
static uint64_t count_source_pages(const struct round *r)
{
	uint64_t bytes = r->npages << r->region_shift;

	return ((bytes - 1) >> r->source_shift) + 1;
}

static void draw_sizes(struct test_rng *rng, struct round *r)
{
	uint64_t most = MAX_PAGES;

	r->region_shift = 12 + (unsigned int)test_rng_below(rng, 19);
	do
		r->source_shift = (unsigned int)test_rng_below(rng, 45);
	while (r->source_shift + 14 < r->region_shift ||
	       r->source_shift > r->region_shift + 16);
	if (r->source_shift < r->region_shift &&
	    most > MAX_BITS >> (r->region_shift - r->source_shift))
		most = MAX_BITS >> (r->region_shift - r->source_shift);
	/* small ones too */
	most = 1 + test_rng_below(rng, most);
	r->region_pages = 1 + test_rng_below(rng, most);
	r->first = test_rng_below(rng, 2)
			   ? 0
			   : test_rng_below(rng, r->region_pages);
	r->npages = r->region_pages - r->first;
	if (test_rng_below(rng, 2))
		r->npages = 1 + test_rng_below(rng, r->npages);
	r->source_pages = count_source_pages(r);
}

/* One byte of bits, as one of some densities has it. */
static uint8_t draw_byte(struct test_rng *rng, unsigned int kind)
{
	uint64_t value = test_rng_next(rng);

	switch (kind) {
	case 0:
		return 0;
	case 1:
		return 0xff;
	case 2:
		return value >> 8 & 1023 ? 0 : (uint8_t)(1 << (value & 7));
	case 3:
		return value >> 8 & 63 ? 0xff : (uint8_t)value;
	default:
		return (uint8_t)value;
	}
}

/* Stretches of a kind each, or all of one kind. */
static void draw_bits(struct test_rng *rng, uint8_t *bits, size_t nbytes)
{
	size_t longest = test_rng_below(rng, 4) ? 4096 : nbytes;
	size_t at = 0;

	while (at < nbytes) {
		size_t n = 1 + (size_t)test_rng_below(rng, longest);
		unsigned int kind = (unsigned int)test_rng_below(rng, 5);

		for (; n && at < nbytes; n--)
			bits[at++] = draw_byte(rng, kind);
	}
}

static void draw_report(struct test_rng *rng, struct round *r,
			struct arena *arena)
{
	bool is_odd = test_rng_below(rng, 3) == 0;
	size_t nwords, shift = is_odd ? (size_t)test_rng_below(rng, 8) : 0;
	uint8_t *bits;

	r->first_bit = is_odd ? test_rng_below(rng, 200) : 0;
	r->first_page = test_rng_below(rng, 3)
				? 0
				: test_rng_below(rng, r->source_pages);
	r->nbits = r->source_pages - r->first_page;
	if (test_rng_below(rng, 2))
		r->nbits = 1 + test_rng_below(rng, r->nbits + 70);
	nwords = (size_t)(r->first_bit + r->nbits + 63) / 64;
	assert_true(nwords < MAX_WORDS);
	/* words behind the last one that has a bit may not be read */
	bits = arena->end - nwords * 8 - shift;
	draw_bits(rng, bits, nwords * 8);
	r->bits = bits;
}

static void mark_expected(const struct round *r, uint64_t source_page)
{
	uint64_t bytes = r->npages << r->region_shift;
	uint64_t from = source_page << r->source_shift;
	uint64_t end = from + (UINT64_C(1) << r->source_shift);

	if (end > bytes)
		end = bytes;
	for (; from < end; from += UINT64_C(1) << r->region_shift)
		r->expected[r->first + (from >> r->region_shift)] = 1;
}

static uint64_t expect(const struct round *r)
{
	uint64_t count = 0;

	memset(r->expected, 0, r->region_pages);
	for (uint64_t i = 0; i < r->nbits; i++) {
		uint64_t bit = r->first_bit + i;

		if (r->first_page + i < r->source_pages &&
		    r->bits[bit / 8] >> bit % 8 & 1)
			mark_expected(r, r->first_page + i);
	}
	for (uint64_t i = 0; i < r->region_pages; i++)
		count += r->expected[i];
	return count;
}

static void fail_round(const struct round *r, const char *what, uint64_t page)
{
	fail_msg("%s: page %llu of %llu (2^%u bytes), source at %llu, %llu "
		 "pages of 2^%u bytes from %llu on, bit %llu of %p",
		 what, (unsigned long long)page,
		 (unsigned long long)r->region_pages, r->region_shift,
		 (unsigned long long)r->first, (unsigned long long)r->nbits,
		 r->source_shift, (unsigned long long)r->first_page,
		 (unsigned long long)r->first_bit, (const void *)r->bits);
}

static void compare(const struct round *r, struct smudge_client *client,
		    struct smudge_region *region)
{
	for (uint64_t page = 0; page < r->region_pages; page++) {
		bool is_dirty = smudge_client_test(client, region, page);

		if (is_dirty && !r->expected[page])
			fail_round(r, "reported for nothing", page);
		if (!is_dirty && r->expected[page])
			fail_round(r, "lost", page);
	}
}

/* Attach a source as the round says, let it report, and compare. */
static void play(struct round *r)
{
	const struct smudge_source_ops ops = {
		.size = sizeof(ops),
		.name = "sized",
		.start = idle_start,
		.stop = idle_stop,
		.harvest = harvest,
	};
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.hva = (void *)(UINT64_C(1) << 32),
		.size_bytes = r->region_pages << r->region_shift,
		.page_shift = r->region_shift,
	};
	struct smudge_source_stats stats = {.size = sizeof(stats)};
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_client *one, *two;
	uint64_t count = expect(r);

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	assert_int_equal(smudge_source_create(&ops, r, &source, NULL), 0);
	assert_int_equal(
		smudge_region_attach(region, source, r->first, r->npages, NULL),
		0);
	one = fake_client(memory, "one", true);
	two = fake_client(memory, "two", true);
	assert_int_equal(smudge_region_harvest(region, NULL), 0);
	compare(r, one, region);
	compare(r, two, region);
	smudge_source_stats(source, &stats);
	assert_int_equal(stats.harvested_pages, count);
	assert_int_equal(smudge_client_close(one), 0);
	assert_int_equal(smudge_client_close(two), 0);
	smudge_source_destroy(source);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

static void test_random(void **state)
{
	struct test_rng rng = test_rng_start("memory page sizes");
	struct arena arena = arena_create(MAX_WORDS * 8);
	struct round r = {.expected = malloc(MAX_PAGES)};

	assert_non_null(r.expected);
	for (unsigned int i = 0; i < NROUNDS; i++) {
		draw_sizes(&rng, &r);
		draw_report(&rng, &r, &arena);
		play(&r);
	}
	free(r.expected);
	arena_destroy(&arena);
}

/* One bit alone, at every place of a word and at both ends of everything. */
static void test_single_bits(void **state)
{
	static const unsigned int sizes[][2] = {
		{12, 16}, {12, 21}, {16, 12}, {21, 12}, {12, 30}, {30, 12},
		{12, 14}, {14, 12}, {12, 13}, {13, 12}, {12, 25}, {25, 12},
	};
	uint8_t expected[1000];
	uint64_t bits[4] = {0};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct round r = {
			.source_shift = sizes[i][0],
			.region_shift = sizes[i][1],
			.region_pages = 1000,
			.first = 3,
			.npages = 990,
			.bits = (const uint8_t *)bits,
			.nbits = 200,
			.expected = expected,
		};

		r.source_pages = count_source_pages(&r);
		for (unsigned int bit = 0; bit < 200; bit++) {
			memset(bits, 0, sizeof(bits));
			((uint8_t *)bits)[bit / 8] = (uint8_t)(1 << bit % 8);
			play(&r);
		}
	}
}

/* A page larger than all memory is all of the range. */
static void test_larger_than_all(void **state)
{
	static const unsigned int shifts[] = {40, 63, 64, 1000};
	uint8_t expected[9000];
	const uint64_t bits[1] = {UINT64_MAX};

	for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
		struct round r = {
			.source_shift = 40,
			.region_shift = 12,
			.region_pages = 9000,
			.first = 5,
			.npages = 8990,
			.reported_shift = shifts[i],
			.source_pages = 1,
			.bits = (const uint8_t *)bits,
			.nbits = 64,
			.expected = expected,
		};

		play(&r);
	}
}

TEST_MAIN(test_random, test_single_bits, test_larger_than_all)
