/* SPDX-License-Identifier: MIT */
/*
 * Clients with the same name: sentences tell them apart, also where the name is
 * as long as it may be. A name is free again when its client closes.
 */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fake_source.h"
#include "fixture.h"

#define LONGEST "a name of thirty-one bytes, all"

/* What a sentence calls the client: it does not watch the other region. */
static void expect_name(struct fixture *f, struct smudge_client *client,
			struct smudge_region *other, const char *name)
{
	char words[64];
	struct smudge_error err;

	snprintf(words, sizeof(words), "client %s does not watch", name);
	assert_int_equal(
		smudge_client_take(client, other, 0, 1, f->batch, &err),
		-EINVAL);
	if (!strstr(err.message, words))
		fail_msg("\"%s\" does not say \"%s\"", err.message, words);
}

static struct smudge_client *open_client(struct fixture *f, const char *name)
{
	struct smudge_client_options o = {.size = sizeof(o),
					  .name = name,
					  .regions = &f->region,
					  .nregions = 1};
	struct smudge_client *client = NULL;

	assert_int_equal(smudge_client_open(f->memory, &o, &client, NULL), 0);
	return client;
}

static void check(const char *name, const char *second, const char *third)
{
	struct smudge_client *clients[3];
	struct smudge_region *other;
	struct fixture f;

	fixture_open(&f, 10);
	other = fake_region(f.memory, 0x100000, 1);
	for (int i = 0; i < 3; i++)
		clients[i] = open_client(&f, name);
	expect_name(&f, clients[0], other, name);
	expect_name(&f, clients[1], other, second);
	expect_name(&f, clients[2], other, third);
	assert_int_equal(smudge_client_close(clients[1]), 0);
	clients[1] = open_client(&f, name);
	expect_name(&f, clients[1], other, second);
	for (int i = 0; i < 3; i++)
		assert_int_equal(smudge_client_close(clients[i]), 0);
	fixture_close(&f);
}

static void test_names(void **state)
{
	check("me", "me#2", "me#3");
	check(LONGEST, "a name of thirty-one#2", "a name of thirty-one#3");
}

TEST_MAIN(test_names)
