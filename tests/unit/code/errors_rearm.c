/* SPDX-License-Identifier: MIT */
/*
 * A source that cannot be re-armed, or cannot be started: the block must not be
 * kept, the page is not watched, and the next try works.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include <smudge/code.h>

#include "fake_source.h"
#include "fixture.h"

static void test_refused(void **state)
{
	struct fixture f;
	struct smudge_code_options options = {.size = sizeof(options)};
	struct smudge_error err = {0};
	struct fake_source fake;
	struct smudge_code *code;

	fixture_open(&f, 100);
	fake_create(&fake, true);
	fixture_attach(&f, fake.source);
	assert_int_equal(smudge_code_open(f.memory, &options, &code, NULL), 0);
	fake.start_error = -EPERM;
	assert_int_equal(smudge_code_add(code, 0x5000, 10, 0, &err), -EPERM);
	assert_true(err.message[0]);
	assert_int_equal(fake_stats(f.memory).nclients, 0);
	fake.start_error = 0;
	fake.rearm_error = -ENOENT;
	assert_int_equal(smudge_code_add(code, 0x5000, 10, 0, NULL), -EIO);
	assert_false(smudge_code_watches(code, 0x5000));
	fake.rearm_error = 0;
	assert_int_equal(
		smudge_code_add(code, 0x5000, 10, smudge_code_now(code), NULL),
		-EAGAIN);
	assert_int_equal(
		smudge_code_add(code, 0x5000, 10, smudge_code_now(code), NULL),
		0);
	/* only for the page with code */
	assert_int_equal(fake.rearmed_pages, 1);
	smudge_code_close(code);
	fake_destroy(&fake);
	fixture_close(&f);
}

TEST_MAIN(test_refused)
