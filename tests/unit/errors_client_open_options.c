/* SPDX-License-Identifier: MIT */
/*
 * Clients without a name, with one too long, with a region of another memory
 * or one named twice: -EINVAL and a sentence, nothing is opened.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"

static void test_open_options(void **state)
{
	struct smudge_memory *memory, *other;
	struct smudge_region *regions[2];
	struct smudge_client *client = NULL;
	struct smudge_error err = {0};
	struct smudge_client_options o = {.size = sizeof(o), .name = NULL};

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_memory_create(&other), 0);
	regions[0] = fake_region(memory, 0, 10);
	regions[1] = fake_region(other, 0, 10);
	assert_int_equal(smudge_client_open(memory, &o, &client, &err),
			 -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_true(err.message[0]);
	o.name = "a name of more than thirty-one bytes";
	assert_int_equal(smudge_client_open(memory, &o, &client, NULL),
			 -EINVAL);
	o.name = "c";
	o.size = 8;
	assert_int_equal(smudge_client_open(memory, &o, &client, NULL),
			 -EINVAL);
	o.size = sizeof(o);
	o.regions = regions;
	o.nregions = 2;
	assert_int_equal(smudge_client_open(memory, &o, &client, NULL),
			 -EINVAL);
	assert_null(client);
	assert_int_equal(fake_stats(memory).nclients, 0);
	assert_int_equal(fake_stats(memory).bitmap_bytes, 0);
	assert_int_equal(smudge_client_close(NULL), 0);
	assert_int_equal(smudge_memory_destroy(memory), 0);
	assert_int_equal(smudge_memory_destroy(other), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
