/* SPDX-License-Identifier: MIT */
/*
 * Clients without a name, with one too long, with a region of another memory
 * or one named twice: -EINVAL and a sentence that has the one cause, nothing is
 * opened.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "fake_source.h"

static void refused(struct smudge_memory *memory,
		    const struct smudge_client_options *options,
		    const char *sentence)
{
	struct smudge_client *client = NULL;
	struct smudge_error err = SMUDGE_ERROR_INIT;

	assert_int_equal(smudge_client_open(memory, options, &client, &err),
			 -EINVAL);
	assert_int_equal(smudge_client_open(memory, options, &client, NULL),
			 -EINVAL);
	assert_null(client);
	assert_int_equal(err.code, -EINVAL);
	if (!strstr(err.message, sentence))
		fail_msg("\"%s\" does not say \"%s\"", err.message, sentence);
}

static void test_open_options(void **state)
{
	struct smudge_memory *memory, *other;
	struct smudge_region *regions[2];
	struct smudge_client_options o = {.size = sizeof(o), .name = NULL};

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_memory_create(&other), 0);
	regions[0] = fake_region(memory, 0, 10);
	regions[1] = fake_region(other, 0, 10);
	refused(memory, &o, "needs a name");
	o.name = "a name of more than thirty-one bytes";
	refused(memory, &o, "longer than 31 bytes");
	o.name = "c";
	o.size = 8;
	refused(memory, &o, "options of 8 bytes is too short");
	o.size = sizeof(o);
	o.regions = regions;
	o.nregions = 2;
	refused(memory, &o, "not in this memory, at place 1");
	regions[1] = regions[0];
	refused(memory, &o, "names region ram-0 twice");
	assert_int_equal(fake_stats(memory).nclients, 0);
	assert_int_equal(fake_stats(memory).bitmap_bytes, 0);
	assert_int_equal(smudge_client_close(NULL), 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	assert_int_equal(smudge_memory_destroy(other, NULL), 0);
}

TEST_MAIN(test_open_options)
