/* SPDX-License-Identifier: MIT */
/*
 * Sources whose operations are not complete: -EINVAL. Only rearm, destroy and
 * look may be missing, and what a shorter struct of the first version does not
 * reach is missing, whatever stands there.
 */
#include "support.h"

#include <errno.h>
#include <stddef.h>

#include "fake_source.h"

static void test_source_ops(void **state)
{
	struct smudge_source *source = NULL;
	struct smudge_source_ops none = {.size = sizeof(none), .name = "none"};

	assert_int_equal(smudge_source_create(&none, NULL, &source), -EINVAL);
	none.size = 8;
	assert_int_equal(smudge_source_create(&none, NULL, &source), -EINVAL);
	assert_null(source);
	smudge_source_destroy(NULL);
}

static int start(void *opaque, const struct smudge_source_range *range,
		 struct smudge_error *err)
{
	return 0;
}

static void stop(void *opaque)
{
}

static int harvest(void *opaque, struct smudge_sink *sink,
		   struct smudge_error *err)
{
	return 0;
}

static int look(void *opaque, struct smudge_sink *sink,
		struct smudge_error *err)
{
	fail_msg("an operation beyond the size was called");
	return 0;
}

static void test_first_version(void **state)
{
	const struct smudge_source_ops ops = {
		.size = offsetof(struct smudge_source_ops, look),
		.name = "old",
		.start = start,
		.stop = stop,
		.harvest = harvest,
		.look = look,
	};
	struct smudge_source *source = NULL;
	struct smudge_client *client;
	struct smudge_memory *memory;
	struct smudge_region *region;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, 10);
	assert_int_equal(smudge_source_create(&ops, NULL, &source), 0);
	assert_int_equal(smudge_region_attach(region, source, 0, 0, NULL), 0);
	client = fake_client(memory, "c", true);
	assert_int_equal(smudge_memory_harvest(memory, NULL), 0);
	assert_int_equal(smudge_memory_look(memory, NULL), -EOPNOTSUPP);
	assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

TEST_MAIN(test_first_version, test_source_ops)
