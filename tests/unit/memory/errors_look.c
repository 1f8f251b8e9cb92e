/* SPDX-License-Identifier: MIT */
/*
 * A look at a source that has none: -EOPNOTSUPP, a sentence that names the
 * source and the region, and nothing has changed, in no region.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "armed_source.h"
#include "fake_source.h"

static void test_no_look(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *good_region, *bad_region;
	struct armed_source good, bad;
	struct smudge_client *client;
	struct smudge_error err = {0};

	assert_int_equal(smudge_memory_create(&memory), 0);
	good_region = fake_region(memory, 0, 100);
	bad_region = fake_region(memory, 1 << 20, 50);
	armed_create(&good, 100, false, true);
	armed_create(&bad, 50, false, false);
	assert_int_equal(
		smudge_region_attach(good_region, good.source, 0, 0, NULL), 0);
	assert_int_equal(
		smudge_region_attach(bad_region, bad.source, 0, 0, NULL), 0);
	/* Its source does not run: there is nothing to refuse. */
	assert_int_equal(smudge_memory_look(memory, NULL), 0);
	client = fake_client(memory, "c", true);
	armed_touch(&good, 5);
	armed_touch(&bad, 6);
	assert_int_equal(smudge_memory_look(memory, &err), -EOPNOTSUPP);
	assert_string_equal(err.where, "armed");
	assert_non_null(strstr(err.message, smudge_region_name(bad_region)));
	assert_int_equal(err.region, smudge_region_id(bad_region));
	assert_int_equal(smudge_region_look(bad_region, NULL), -EOPNOTSUPP);
	assert_int_equal(smudge_client_dirty_pages(client), 0);
	assert_int_equal(good.looks, 0);
	assert_int_equal(bad.harvests, 0);
	assert_int_equal(fake_stats(memory).harvest_errors, 0);
	/* The region that can be looked at still can. */
	assert_int_equal(smudge_region_look(good_region, NULL), 0);
	assert_int_equal(smudge_client_dirty_pages(client), 1);
	assert_int_equal(smudge_memory_harvest(memory, NULL), 0);
	assert_int_equal(smudge_client_dirty_pages(client), 2);
	assert_int_equal(smudge_client_close(client), 0);
	armed_destroy(&good);
	armed_destroy(&bad);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(test_no_look)
