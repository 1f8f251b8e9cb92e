/* SPDX-License-Identifier: MIT */
/*
 * The n-th allocation fails, for every n, in open and set_mode: -ENOMEM and
 * all is as it was.
 */
#include "support.h"

#include <errno.h>

#include "display_rig.h"
#include "fail_memory.h"
#include "fake_source.h"

static const struct smudge_display_mode first = {sizeof(first), 0, 400, 100,
						 100};
static const struct smudge_display_mode second = {sizeof(second), 4, 800, 200,
						  50};

static void test_open(void **state)
{
	struct smudge_rect rects[4];
	struct display_rig rig;
	unsigned int n = 0;
	int ret;

	rig_start(&rig, 64, 12);
	do {
		struct smudge_error err = {0};

		fail_memory_at(++n);
		ret = smudge_display_open(rig.memory, rig.region, &first,
					  &rig.display, &err);
		fail_memory_off();
		assert_int_equal(ret, fail_memory_has_failed() ? -ENOMEM : 0);
		assert_int_equal(err.code, ret);
		if (ret < 0) {
			assert_null(rig.display);
			assert_int_equal(fake_stats(rig.memory).nclients, 0);
		}
	} while (fail_memory_has_failed() && n < 100);
	assert_in_range(n, 4, 99);
	rig_close(&rig);
	rig_open(&rig, first);
	rig_refresh(&rig, rects, 4);
	rig_stop(&rig);
}

static void test_set_mode(void **state)
{
	struct smudge_rect rects[4];
	struct display_rig rig;
	unsigned int n = 0;
	int ret;

	rig_start(&rig, 64, 12);
	rig_open(&rig, first);
	rig_refresh(&rig, rects, 4);
	do {
		struct smudge_error err = {0};

		fail_memory_at(++n);
		ret = smudge_display_set_mode(rig.display, &second, &err);
		fail_memory_off();
		assert_int_equal(ret, fail_memory_has_failed() ? -ENOMEM : 0);
		assert_int_equal(err.code, ret);
		if (ret < 0) {
			/* the old mode and its frame */
			rig_write(&rig, rig_at(&rig, 5, 5), n);
			assert_int_equal(rig_refresh(&rig, rects, 4), 1);
		}
	} while (fail_memory_has_failed() && n < 100);
	assert_in_range(n, 2, 99);
	rig_set_mode(&rig, second);
	rig_refresh(&rig, rects, 4);
	rig_stop(&rig);
}

TEST_MAIN(test_open, test_set_mode)
