/* SPDX-License-Identifier: MIT */
/*
 * A translator beside a quiesced client: code that was written is stale, and
 * is stale again after each look, since its page stays unarmed; after a
 * quiesced harvest only what is written then is.
 */
#include "support.h"

#include <errno.h>

#include <smudge/code.h>

#include "armed_source.h"
#include "fake_source.h"
#include "fixture.h"

#define NPAGES 100
#define PAGE   5

static void add(struct smudge_code *code)
{
	int ret = -EAGAIN;

	for (int i = 0; i < 2 && ret == -EAGAIN; i++)
		ret = smudge_code_add(code, PAGE << 12, 10,
				      smudge_code_now(code), NULL);
	assert_int_equal(ret, 0);
}

static size_t stale(struct smudge_memory *memory, struct smudge_code *code)
{
	struct smudge_code_range range;

	assert_int_equal(smudge_memory_harvest(memory, NULL), 0);
	return smudge_code_stale(code, &range, 1);
}

static void translate(bool rearms_at_take)
{
	struct fixture f;
	const struct smudge_client_options quiesced = {
		.size = sizeof(quiesced),
		.name = "quiesced",
		.rearm_policy = SMUDGE_REARM_QUIESCED,
	};
	struct smudge_code_options options = {.size = sizeof(options)};
	struct smudge_client *client = NULL;
	struct armed_source armed;
	struct smudge_code *code;

	fixture_open(&f, NPAGES);
	armed_create(&armed, NPAGES, rearms_at_take, true);
	fixture_attach(&f, armed.source);
	assert_int_equal(smudge_client_open(f.memory, &quiesced, &client, NULL),
			 0);
	assert_int_equal(smudge_code_open(f.memory, &options, &code, NULL), 0);
	fixture_harvest_quiesced(&f);
	add(code);
	assert_int_equal(stale(f.memory, code), 0);
	armed_touch(&armed, PAGE);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(stale(f.memory, code), 1);
		add(code);
	}
	fixture_harvest_quiesced(&f);
	assert_int_equal(stale(f.memory, code), 1);
	add(code);
	assert_int_equal(stale(f.memory, code), 0);
	armed_touch(&armed, PAGE);
	assert_int_equal(stale(f.memory, code), 1);
	smudge_code_close(code);
	assert_int_equal(smudge_client_close(client), 0);
	armed_destroy(&armed);
	fixture_close(&f);
}

static void test_stale(void **state)
{
	translate(false);
	translate(true);
}

TEST_MAIN(test_stale)
