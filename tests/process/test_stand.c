/* SPDX-License-Identifier: MIT */
/*
 * A process that checks itself is stopped and let run, again and again. While
 * it stands, nothing in it happens, and it is harvested and read; all its
 * results stay right. SMUDGE_TEST_ROUNDS: stops, 300.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <smudge/process.h>

#include "rig.h"
#include "stand.h"
#include "support.h"

#define WORKERS 8
#define PER_RIG 50 /* stops of one process */

static unsigned int rounds(void)
{
	const char *text = getenv("SMUDGE_TEST_ROUNDS");

	return text ? (unsigned int)strtoul(text, NULL, 10) : test_rounds(300);
}

static void choose(struct test_rng *rng, const struct rig_kind **kinds)
{
	for (unsigned int i = 0; i < WORKERS; i++) {
		uint64_t n = test_rng_below(rng, rig_nwaits + rig_nothers);

		kinds[i] = n < rig_nwaits ? rig_waits[n]
					  : rig_others[n - rig_nwaits];
	}
}

/* Waits must end by themselves, so the process runs for some ms between. */
static void stop_and_continue(struct stand *s, const struct rig *rig,
			      struct test_rng *rng)
{
	stand_stop(s);
	if (test_rng_below(rng, 4) == 0)
		stand_expect_still(rig);
	if (test_rng_below(rng, 2) == 0)
		stand_harvest(s);
	stand_continue(s);
	if (test_rng_below(rng, 4) == 0)
		rig_progress(rig);
}

static void stand_often(const struct rig_kind *const *kinds,
			unsigned int nworkers,
			const struct rig_options *options, unsigned int times)
{
	struct test_rng rng = test_rng_start("process/stand");
	struct rig rig = rig_start(kinds, nworkers, options);
	struct stand s;

	stand_open(&s, rig.pid, &stand_by_uffd);
	for (unsigned int i = 0; i < times; i++)
		stop_and_continue(&s, &rig, &rng);
	rig_progress(&rig);
	stand_close(&s);
	rig_expect_clean(&rig, 0);
	rig_end(&rig);
}

static void test_waits(void **state)
{
	const struct rig_options options = {.is_main_hidden = true};

	test_need_uffd();
	for (size_t i = 0; i < rig_nwaits; i++)
		stand_often(&rig_waits[i], 1, &options, test_rounds(10));
}

static void test_others(void **state)
{
	const struct rig_options options = {0};

	test_need_uffd();
	for (size_t i = 0; i < rig_nothers; i++)
		stand_often(&rig_others[i], 1, &options, test_rounds(10));
}

static void test_mixed(void **state)
{
	struct test_rng rng = test_rng_start("process/stand mixed");
	unsigned int n = rounds();

	test_need_uffd();
	for (unsigned int i = 0; i < n; i += PER_RIG) {
		const struct rig_options options = {.has_filter =
							    i / PER_RIG % 2};
		const struct rig_kind *kinds[WORKERS];

		choose(&rng, kinds);
		stand_often(kinds, WORKERS, &options, PER_RIG);
	}
}

static const struct rig_kind *const writers[] = {&rig_writer};

/* The memory is that of one moment, and nothing that was written is clean. */
static void test_memory(void **state)
{
	const struct rig_options options = {0};
	uint64_t numbers[STAND_PAGES] = {0};
	struct rig rig;
	struct stand s;

	test_need_uffd();
	rig = rig_start(writers, 1, &options);
	assert_int_equal(rig.shared->npages, STAND_PAGES);
	stand_open(&s, rig.pid, &stand_by_uffd);
	for (int i = 0; i < 100; i++) {
		stand_stop(&s);
		stand_expect_memory(&s, &rig, numbers);
		stand_continue(&s);
		rig_progress(&rig);
	}
	stand_close(&s);
	rig_end(&rig);
}

static void test_statistics(void **state)
{
	const struct rig_options options = {0};
	struct smudge_process_stats before, standing, after;
	struct rig rig;
	struct stand s;

	test_need_uffd();
	rig = rig_start(&rig_waits[0], 1, &options);
	stand_open(&s, rig.pid, &stand_by_uffd);
	before = stand_stats(&s);
	stand_stop(&s);
	usleep(3000);
	standing = stand_stats(&s);
	stand_continue(&s);
	after = stand_stats(&s);
	assert_int_equal(standing.stops, before.stops + 1);
	assert_int_equal(after.stops, before.stops + 1);
	assert_true(standing.stopped_ns >= before.stopped_ns + 3000000);
	assert_true(standing.longest_stop_ns >= 3000000);
	assert_true(after.stopped_ns >= standing.stopped_ns);
	usleep(1000);
	assert_int_equal(stand_stats(&s).stopped_ns, after.stopped_ns);
	stand_close(&s);
	rig_end(&rig);
}

/* To close it lets it run. */
static void test_close(void **state)
{
	const struct rig_options options = {0};
	struct rig rig;
	struct stand s;

	test_need_uffd();
	rig = rig_start(rig_waits, 3, &options);
	stand_open(&s, rig.pid, &stand_by_uffd);
	stand_stop(&s);
	stand_expect_still(&rig);
	stand_close(&s);
	rig_progress(&rig);
	rig_expect_clean(&rig, 0);
	rig_end(&rig);
}

TEST_MAIN(test_waits, test_others, test_mixed, test_memory, test_statistics,
	  test_close)
