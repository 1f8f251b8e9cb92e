/* SPDX-License-Identifier: MIT */
/*
 * Looks beside another tracker, against a model that knows every write: nothing
 * is counted that was not written in its window, and what a look could see is.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "rate/written.h"

#define PAGES 200
#define STEPS 3000

/* The truth. */
struct model {
	bool is_armed[PAGES];			/* clean since the re-arm */
	bool was_written[RATE_NWINDOWS][PAGES]; /* since the window began */
	bool was_seen[PAGES]; /* in this interval, at a look or by a re-arm */
	bool looked[PAGES];   /* written, at the last look */
};

static void look(struct rate_written *written, struct model *model)
{
	for (uint64_t page = 0; page < PAGES; page++) {
		bool is_written = !model->is_armed[page];

		if (is_written)
			rate_written_mark(written, page, 1);
		if (is_written && !model->looked[page])
			model->was_seen[page] = true;
		model->looked[page] = is_written;
	}
	rate_written_end_look(written);
}

static void write_some(struct test_rng *rng, struct model *model)
{
	uint64_t n = test_rng_below(rng, 20);

	for (uint64_t i = 0; i < n; i++) {
		uint64_t page = test_rng_below(rng, PAGES);

		model->is_armed[page] = false;
		for (int w = 0; w < RATE_NWINDOWS; w++)
			model->was_written[w][page] = true;
	}
}

/* Each page that is counted was written, and each that was seen is counted. */
static void compare(const struct rate_written *written,
		    const struct model *model)
{
	uint64_t at_most = 0;

	for (int w = 0; w < RATE_NWINDOWS; w++) {
		uint64_t n = 0;

		for (uint64_t page = 0; page < PAGES; page++) {
			bool is_seen =
				written->seen[w][page / 64] >> (page % 64) & 1;

			n += is_seen;
			assert_true(!is_seen || model->was_written[w][page]);
			if (w == RATE_INTERVAL && model->was_seen[page])
				assert_true(is_seen);
		}
		assert_int_equal(rate_written_count(written, w), n);
		at_most = n;
	}
	assert_true(rate_written_at_most(written) >= at_most);
}

static void step(struct test_rng *rng, struct rate_written *written,
		 struct model *model)
{
	switch (test_rng_below(rng, 12)) {
	case 0: /* a re-arm of all, between two looks, and the look after it */
		memset(model->is_armed, true, sizeof(model->is_armed));
		write_some(rng, model);
		look(written, model);
		look(written, model);
		rate_written_settle(written);
		break;
	case 1:
		rate_written_begin(written, RATE_WINDOW_ONE);
		memset(model->was_written[RATE_WINDOW_ONE], 0, PAGES);
		break;
	case 2:
		rate_written_begin_interval(written);
		memset(model->was_written[RATE_INTERVAL], 0, PAGES);
		memset(model->was_seen, 0, PAGES);
		break;
	default:
		write_some(rng, model);
		look(written, model);
	}
}

static void counts_what_was_written(void **state)
{
	struct test_rng rng = test_rng_start("written");
	struct rate_written written = {0};
	static struct model model;

	memset(&model, 0, sizeof(model));
	memset(model.is_armed, true, sizeof(model.is_armed));
	assert_int_equal(rate_written_resize(&written, PAGES), 0);
	look(&written, &model);
	for (int i = 0; i < STEPS; i++) {
		step(&rng, &written, &model);
		compare(&written, &model);
	}
	rate_written_free(&written);
}

/* Pages 10 to 19 are written; 12 to 17 are armed again, and 13 is written. */
static void a_rearm_of_a_part(void **state)
{
	struct rate_written written = {0};

	assert_int_equal(rate_written_resize(&written, PAGES), 0);
	rate_written_end_look(&written);
	rate_written_mark(&written, 10, 10);
	assert_false(rate_written_is_rearmed(&written));
	rate_written_end_look(&written);
	assert_int_equal(rate_written_count(&written, RATE_INTERVAL), 10);

	rate_written_begin_interval(&written);
	rate_written_mark(&written, 10, 2);
	rate_written_mark(&written, 13, 1);
	rate_written_mark(&written, 18, 2);
	assert_true(rate_written_is_rearmed(&written));
	rate_written_end_look(&written);
	/* not before it is known that the re-arm is complete */
	assert_int_equal(rate_written_count(&written, RATE_INTERVAL), 0);
	rate_written_settle(&written);
	assert_int_equal(rate_written_count(&written, RATE_INTERVAL), 1);
	assert_int_equal(rate_written_at_most(&written), 10);
	rate_written_free(&written);
}

/* A re-arm that a look meets in its middle: 5 and 80 are not armed yet. */
static void a_rearm_that_goes_on(void **state)
{
	struct rate_written written = {0};

	assert_int_equal(rate_written_resize(&written, PAGES), 0);
	rate_written_end_look(&written);
	rate_written_mark(&written, 1, 99);
	rate_written_end_look(&written);
	rate_written_begin_interval(&written);
	rate_written_mark(&written, 5, 1);
	rate_written_mark(&written, 80, 20);
	rate_written_end_look(&written);
	rate_written_mark(&written, 5, 1);
	assert_true(rate_written_is_rearmed(&written));
	rate_written_end_look(&written);
	rate_written_settle(&written);
	assert_int_equal(rate_written_count(&written, RATE_INTERVAL), 1);
	rate_written_free(&written);
}

/* Of pages that are new there was no look: they are no news. */
static void a_mapping_grows(void **state)
{
	struct rate_written written = {0};

	assert_int_equal(rate_written_resize(&written, 70), 0);
	rate_written_end_look(&written);
	assert_int_equal(rate_written_resize(&written, 140), 0);
	rate_written_mark(&written, 60, 80);
	rate_written_end_look(&written);
	assert_int_equal(rate_written_count(&written, RATE_INTERVAL), 10);
	assert_int_equal(rate_written_resize(&written, 65), 0);
	assert_int_equal(rate_written_count(&written, RATE_INTERVAL), 5);
	rate_written_mark(&written, 0, 1000);
	rate_written_end_look(&written);
	assert_int_equal(rate_written_count(&written, RATE_INTERVAL), 65);
	rate_written_forget(&written);
	rate_written_mark(&written, 0, 65);
	rate_written_begin_interval(&written);
	rate_written_end_look(&written);
	assert_int_equal(rate_written_count(&written, RATE_INTERVAL), 0);
	rate_written_free(&written);
}

struct runs {
	uint64_t first[8], npages[8];
	int n;
};

static void note(void *opaque, uint64_t first_page, uint64_t npages)
{
	struct runs *runs = opaque;

	assert_true(runs->n < 8);
	runs->first[runs->n] = first_page;
	runs->npages[runs->n++] = npages;
}

static void runs_of_pages(void **state)
{
	struct rate_written written = {0};
	struct runs runs = {0};

	assert_int_equal(rate_written_resize(&written, PAGES), 0);
	rate_written_end_look(&written);
	rate_written_mark(&written, 3, 2);
	rate_written_mark(&written, 63, 66);
	rate_written_end_look(&written);
	rate_written_each(&written, note, &runs);
	assert_int_equal(runs.n, 4);
	assert_true(runs.first[0] == 3 && runs.npages[0] == 2);
	assert_true(runs.first[1] == 63 && runs.npages[1] == 1);
	assert_true(runs.first[2] == 64 && runs.npages[2] == 64);
	assert_true(runs.first[3] == 128 && runs.npages[3] == 1);
	rate_written_free(&written);
}

TEST_MAIN(counts_what_was_written, a_rearm_of_a_part, a_rearm_that_goes_on,
	  a_mapping_grows, runs_of_pages)
