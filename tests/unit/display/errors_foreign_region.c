/* SPDX-License-Identifier: MIT */
/*
 * A region of another memory: -EINVAL and a sentence.
 */
#include "support.h"

#include <errno.h>

#include "display_rig.h"
#include "fake_source.h"

static void test_foreign_region(void **state)
{
	const struct smudge_display_mode mode = rig_mode(0, 400, 100, 100);
	struct smudge_display *display = NULL;
	struct smudge_memory *other;
	struct smudge_error err = {0};
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	assert_int_equal(smudge_memory_create(&other), 0);
	assert_int_equal(
		smudge_display_open(other, rig.region, &mode, &display, &err),
		-EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_true(err.message[0]);
	assert_null(display);
	assert_int_equal(smudge_memory_destroy(other, NULL), 0);
	rig_stop(&rig);
}

TEST_MAIN(test_foreign_region)
