/* SPDX-License-Identifier: MIT */
/*
 * Within one call the first failure is kept, and the next call begins afresh.
 */
#include "support.h"

#include <errno.h>

#include <smudge/code.h>

#include "fake_source.h"

#define NPAGES 64

/* Within one call the first failure is the cause. */
static void the_first_failure_stays(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_client *client;
	struct fake_source low, high;
	struct smudge_memory *memory;

	assert_int_equal(smudge_memory_create(&memory), 0);
	fake_create(&low, false);
	fake_create(&high, false);
	assert_int_equal(smudge_region_attach(fake_region(memory, 0, NPAGES),
					      low.source, 0, 0, NULL),
			 0);
	assert_int_equal(
		smudge_region_attach(fake_region(memory, 1 << 30, NPAGES),
				     high.source, 0, 0, NULL),
		0);
	client = fake_client(memory, "me", false);
	low.harvest_error = -ENXIO;
	high.harvest_error = -ENODEV;
	assert_int_equal(smudge_memory_harvest(memory, &err), -ENXIO);
	assert_int_equal(err.code, -ENXIO);
	assert_int_equal(err.region, 0);
	low.harvest_error = 0;
	assert_int_equal(smudge_memory_harvest(memory, &err), -ENODEV);
	assert_int_equal(err.code, -ENODEV);
	assert_int_equal(err.region, 1);
	high.harvest_error = 0;
	assert_int_equal(smudge_client_close(client), 0);
	fake_destroy(&low);
	fake_destroy(&high);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

/* "Read the code again" is no failure: nothing is noted. */
static void add_again_is_no_failure(void **state)
{
	const struct smudge_code_options how = {.size = sizeof(how)};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_memory *memory;
	struct smudge_code *code;

	assert_int_equal(smudge_memory_create(&memory), 0);
	fake_region(memory, 0, NPAGES);
	assert_int_equal(smudge_code_open(memory, &how, &code, NULL), 0);
	smudge_error_set(&err, -ENOENT, "test", "of an earlier call");
	assert_int_equal(smudge_code_add(code, 0, 8, 0, &err), -EAGAIN);
	assert_int_equal(err.code, 0);
	assert_string_equal(err.message, "");
	smudge_code_close(code);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(the_first_failure_stays, add_again_is_no_failure)
