/* SPDX-License-Identifier: MIT */
/*
 * Runs that a source reports in any order, few or many in a block of 4096
 * pages, across blocks, up to a region's end within a block, mixed with
 * bitmaps; in harvests, looks, and harvests that fail. Random rounds against a
 * byte per page: exactly the reported pages are dirty, for each client.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/client.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#include "fake_source.h"
#include "idle_source.h"

#define MAX_PAGES   UINT64_C(30000)
#define MAX_REPORTS 600
#ifdef TEST_EMULATED /* an emulated processor is slow */
#define NROUNDS 60
#else
#define NROUNDS 600
#endif

struct round {
	struct test_rng *rng;
	unsigned int nreports;
	uint64_t npages;	/* of the region */
	uint64_t first, nrange; /* of it, that the source has */
	bool is_ascending;
	uint64_t longest;
	int code; /* of the operation */
	uint64_t nreported;
	uint8_t expected[MAX_PAGES];
};

static void report_run(struct round *r, struct smudge_sink *sink,
		       uint64_t first, uint64_t npages)
{
	/* a byte of the first page, and of the last one, are enough */
	uint64_t skip = test_rng_below(r->rng, 4096);

	smudge_sink_range(sink, first * 4096 + skip,
			  npages * 4096 - 4095 - (npages > 1 ? skip : 0));
	memset(r->expected + r->first + first, 1, npages);
	r->nreported += npages;
}

static void report_word(struct round *r, struct smudge_sink *sink,
			uint64_t page)
{
	const uint8_t bits[8] = {1};

	smudge_sink_bitmap(sink, page, bits, 0, 1, 12);
	r->expected[r->first + page] = 1;
	r->nreported++;
}

static int report_all(void *opaque, struct smudge_sink *sink,
		      struct smudge_error *err)
{
	struct round *r = opaque;
	uint64_t at = 0;

	for (unsigned int i = 0; i < r->nreports; i++) {
		uint64_t left, n;

		at = r->is_ascending ? at + test_rng_below(r->rng, 40)
				     : test_rng_below(r->rng, r->nrange);
		if (at >= r->nrange)
			break;
		left = r->nrange - at;
		n = 1 + test_rng_below(r->rng, r->longest);
		n = n < left ? n : left;
		if (test_rng_below(r->rng, 20) == 0)
			report_word(r, sink, at);
		else
			report_run(r, sink, at, n);
		at += r->is_ascending ? n : 0;
	}
	return r->code;
}

static void draw(struct round *r)
{
	static const uint64_t longest[] = {1, 3, 200, 9000};

	memset(r->expected, 0, sizeof(r->expected));
	r->nreported = 0;
	r->nreports = (unsigned int)test_rng_below(r->rng, MAX_REPORTS);
	r->npages = 1 + test_rng_below(r->rng, MAX_PAGES);
	r->first = test_rng_below(r->rng, r->npages);
	r->nrange = 1 + test_rng_below(r->rng, r->npages - r->first);
	r->is_ascending = test_rng_below(r->rng, 2);
	r->longest = longest[test_rng_below(r->rng, 4)];
}

static void compare(const struct round *r, struct smudge_client *client,
		    struct smudge_region *region)
{
	for (uint64_t page = 0; page < r->npages; page++) {
		bool is_dirty = smudge_client_test(client, region, page);

		if (is_dirty != (bool)r->expected[page])
			fail_msg("page %llu of %llu is %s",
				 (unsigned long long)page,
				 (unsigned long long)r->npages,
				 is_dirty ? "reported for nothing" : "lost");
	}
}

static void fetch(struct round *r, struct smudge_region *region)
{
	bool is_look = test_rng_below(r->rng, 2);
	int ret = is_look ? smudge_region_look(region, NULL)
			  : smudge_region_harvest(region, NULL);

	assert_int_equal(ret, r->code);
	if (r->code)
		memset(r->expected + r->first, 1, r->nrange);
}

static void check_counts(const struct round *r, struct smudge_source *source)
{
	struct smudge_source_stats stats = {.size = sizeof(stats)};

	smudge_source_stats(source, &stats);
	assert_int_equal(stats.harvested_pages + stats.looked_pages,
			 r->nreported);
}

static void play(struct round *r)
{
	const struct smudge_source_ops ops = {
		.size = sizeof(ops),
		.name = "runs",
		.start = idle_start,
		.stop = idle_stop,
		.harvest = report_all,
		.look = report_all,
	};
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_client *one, *two;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, r->npages);
	assert_int_equal(smudge_source_create(&ops, r, &source, NULL), 0);
	assert_int_equal(
		smudge_region_attach(region, source, r->first, r->nrange, NULL),
		0);
	one = fake_client(memory, "one", true);
	two = fake_client(memory, "two", true);
	fetch(r, region);
	compare(r, one, region);
	compare(r, two, region);
	check_counts(r, source);
	r->code = 0;
	assert_int_equal(smudge_client_close(one), 0);
	assert_int_equal(smudge_client_close(two), 0);
	smudge_source_destroy(source);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

static struct round *new_round(struct test_rng *rng)
{
	struct round *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->rng = rng;
	return r;
}

static void test_random(void **state)
{
	struct test_rng rng = test_rng_start("memory report runs");
	struct round *r = new_round(&rng);

	for (unsigned int i = 0; i < NROUNDS; i++) {
		draw(r);
		play(r);
	}
	free(r);
}

/* What was reported before the failure may be less than the range. */
static void test_failing(void **state)
{
	struct test_rng rng = test_rng_start("memory report runs, failing");
	struct round *r = new_round(&rng);

	for (unsigned int i = 0; i < NROUNDS / 10; i++) {
		draw(r);
		r->code = -EIO;
		play(r);
	}
	free(r);
}

TEST_MAIN(test_random, test_failing)
