/* SPDX-License-Identifier: MIT */
/*
 * Quiesced clients that are refused: over a source without a look, opened or
 * attached later (-EOPNOTSUPP, and nothing is opened or attached), one that
 * receives marks only, and a policy that does not exist (-EINVAL).
 */
#include "support.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "armed_source.h"
#include "fake_source.h"
#include "fixture.h"

static const struct smudge_client_options quiesced = {
	.size = sizeof(quiesced),
	.name = "quiesced",
	.rearm_policy = SMUDGE_REARM_QUIESCED,
};

static void test_open(void **state)
{
	struct fixture f;
	struct armed_source armed;
	struct smudge_client *client = NULL;
	struct smudge_error err = {0};

	fixture_open(&f, 100);
	armed_create(&armed, 100, false, false);
	fixture_attach(&f, armed.source);
	assert_int_equal(smudge_client_open(f.memory, &quiesced, &client, &err),
			 -EOPNOTSUPP);
	assert_null(client);
	assert_string_equal(err.where, "armed");
	assert_non_null(strstr(err.message, smudge_region_name(f.region)));
	assert_int_equal(fake_stats(f.memory).nclients, 0);
	assert_int_equal(fake_stats(f.memory).nsources_running, 0);
	assert_int_equal(smudge_region_rearm_policy(f.region),
			 SMUDGE_REARM_ALWAYS);
	armed_destroy(&armed);
	fixture_close(&f);
}

static void test_attach(void **state)
{
	struct fixture f;
	struct armed_source armed;
	struct smudge_client *client = NULL;
	struct smudge_error err = {0};

	fixture_open(&f, 100);
	armed_create(&armed, 100, false, false);
	assert_int_equal(smudge_client_open(f.memory, &quiesced, &client, NULL),
			 0);
	assert_int_equal(smudge_client_skip(client, f.region, 0, 100, NULL), 0);
	assert_int_equal(
		smudge_region_attach(f.region, armed.source, 0, 0, &err),
		-EOPNOTSUPP);
	assert_string_equal(err.where, "armed");
	assert_non_null(strstr(err.message, smudge_region_name(f.region)));
	assert_int_equal(smudge_client_dirty_pages(client), 0);
	assert_int_equal(fake_stats(f.memory).nsources_running, 0);
	assert_int_equal(smudge_client_close(client), 0);
	fixture_attach(&f, armed.source);
	armed_destroy(&armed);
	fixture_close(&f);
}

static void test_options(void **state)
{
	struct smudge_memory *memory;
	struct smudge_client *client = NULL;
	struct smudge_client_options o = quiesced;
	struct smudge_error err = {0};

	assert_int_equal(smudge_memory_create(&memory), 0);
	o.marks_only = true;
	assert_int_equal(smudge_client_open(memory, &o, &client, &err),
			 -EINVAL);
	assert_true(err.message[0]);
	o.marks_only = false;
	o.rearm_policy = (enum smudge_rearm_policy)2;
	memset(&err, 0, sizeof(err));
	assert_int_equal(smudge_client_open(memory, &o, &client, &err),
			 -EINVAL);
	assert_non_null(strstr(err.message, "2 is no re-arm policy"));
	assert_null(client);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

/* Callers built before the field was there: marks_only is still obeyed. */
static void test_shorter_options(void **state)
{
	struct fixture f;
	struct fake_source fake;
	struct smudge_client *client = NULL;
	struct smudge_client_options o = {
		.size = offsetof(struct smudge_client_options, rearm_policy),
		.name = "old",
		.marks_only = true,
		.rearm_policy = SMUDGE_REARM_QUIESCED, /* beyond size */
	};

	fixture_open(&f, 100);
	fake_create(&fake, false);
	fixture_attach(&f, fake.source);
	assert_int_equal(smudge_client_open(f.memory, &o, &client, NULL), 0);
	assert_int_equal(fake.starts, 0);
	assert_int_equal(smudge_client_close(client), 0);
	o.marks_only = false;
	assert_int_equal(smudge_client_open(f.memory, &o, &client, NULL), 0);
	assert_int_equal(fake.starts, 1);
	assert_int_equal(smudge_region_rearm_policy(f.region),
			 SMUDGE_REARM_ALWAYS);
	assert_int_equal(smudge_client_close(client), 0);
	fake_destroy(&fake);
	fixture_close(&f);
}

TEST_MAIN(test_open, test_attach, test_options, test_shorter_options)
