/* SPDX-License-Identifier: MIT */
/*
 * A process that checks itself is attached to again and again, while its
 * threads wait, compute, handle signals and make children. All its results stay
 * right, and nothing is left in it. SMUDGE_TEST_ROUNDS: attachments, 50.
 */
#include <stdio.h>
#include <stdlib.h>

#include "rig.h"
#include "support.h"
#include "tracker.h"

#define WORKERS 8
#define PER_RIG 5 /* attachments to one process */

static unsigned int rounds(void)
{
	const char *text = getenv("SMUDGE_TEST_ROUNDS");

	return text ? (unsigned int)strtoul(text, NULL, 10) : test_rounds(50);
}

static void choose(struct test_rng *rng, const struct rig_kind **kinds)
{
	for (unsigned int i = 0; i < WORKERS; i++) {
		uint64_t n = test_rng_below(rng, rig_nwaits + rig_nothers);

		kinds[i] = n < rig_nwaits ? rig_waits[n]
					  : rig_others[n - rig_nwaits];
	}
}

static void attach(const struct rig *rig)
{
	char text[200];
	int ret = tracker_use(rig->pid, rig->shared->first_page,
			      rig->shared->npages, text);

	if (ret)
		fail_msg("%d: %s", ret, text);
	rig_progress(rig);
	rig_expect_clean(rig, 0);
}

static void attach_to(const struct rig_kind *const *kinds,
		      unsigned int nworkers, const struct rig_options *options,
		      unsigned int times)
{
	struct rig rig = rig_start(kinds, nworkers, options);

	for (unsigned int i = 0; i < times; i++)
		attach(&rig);
	rig_end(&rig);
}

static void test_waits(void **state)
{
	const struct rig_options options = {.is_main_hidden = true};

	test_need_uffd();
	for (size_t i = 0; i < rig_nwaits; i++)
		attach_to(&rig_waits[i], 1, &options, 3);
}

static void test_others(void **state)
{
	const struct rig_options options = {0};

	test_need_uffd();
	for (size_t i = 0; i < rig_nothers; i++)
		attach_to(&rig_others[i], 1, &options, 3);
}

static void test_mixed(void **state)
{
	struct test_rng rng = test_rng_start("process/attach");
	unsigned int n = rounds();

	test_need_uffd();
	for (unsigned int i = 0; i < n; i += PER_RIG) {
		const struct rig_options options = {
			.is_main_hidden = test_rng_below(&rng, 2),
			.has_filter = test_rng_below(&rng, 4) == 0,
		};
		const struct rig_kind *kinds[WORKERS];

		choose(&rng, kinds);
		attach_to(kinds, WORKERS, &options, PER_RIG);
	}
}

TEST_MAIN(test_waits, test_others, test_mixed)
