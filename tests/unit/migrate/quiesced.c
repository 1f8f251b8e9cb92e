/* SPDX-License-Identifier: MIT */
/*
 * A migration beside a quiesced client. Its rounds are looks, so each of them
 * sends again what was written; once the machine is stopped, harvests re-arm,
 * so the migration ends. The client keeps what was written meanwhile.
 */
#include "migrate_rig.h"

#include <string.h>

#include <smudge/client.h>

#include "armed_source.h"

#define NWRITTEN 10

static struct smudge_client *open_quiesced(struct rig *rig)
{
	const struct smudge_client_options options = {
		.size = sizeof(options),
		.name = "quiesced",
		.rearm_policy = SMUDGE_REARM_QUIESCED,
	};
	struct smudge_client *client = NULL;

	assert_int_equal(
		smudge_client_open(rig->source.memory, &options, &client, NULL),
		0);
	return client;
}

static void skip_all(struct rig *rig, struct smudge_client *client)
{
	for (int i = 0; i < RIG_REGIONS; i++)
		assert_int_equal(smudge_client_skip(client,
						    rig->source.regions[i], 0,
						    rig->npages[i], NULL),
				 0);
}

static void migrate(bool rearms_at_take)
{
	struct rig rig = {.rounds_wanted = 3};
	struct smudge_client *client;
	struct armed_source armed;
	struct smudge_migrate_stats stats;

	rig_open(&rig, "test_migrate_quiesced");
	armed_create(&armed, rig.npages[0], rearms_at_take, true);
	assert_int_equal(smudge_region_attach(rig.source.regions[0],
					      armed.source, 0, 0, NULL),
			 0);
	client = open_quiesced(&rig);
	assert_int_equal(
		smudge_memory_harvest_quiesced(rig.source.memory, NULL), 0);
	skip_all(&rig, client);
	for (uint64_t i = 0; i < NWRITTEN; i++) {
		memset(rig.source.hva[0] + i * 3 * 4096, 0x71, 4096);
		armed_touch(&armed, i * 3);
	}
	rig_start_receiver(&rig);
	assert_int_equal(rig_send(&rig, NULL), 0);
	rig_join_receiver(&rig);
	assert_int_equal(rig.receive_error, 0);
	rig_assert_equal(&rig);
	stats = rig_stats(rig.sending);
	/* Once in each of three rounds, and once with the machine stopped. */
	assert_int_equal(stats.sent_pages, 4 * NWRITTEN);
	for (uint64_t i = 0; i < NWRITTEN; i++)
		assert_true(smudge_client_test(client, rig.source.regions[0],
					       i * 3));
	assert_int_equal(smudge_client_dirty_pages(client), NWRITTEN);
	assert_int_equal(smudge_client_close(client), 0);
	armed_destroy(&armed);
	rig_close(&rig);
}

static void test_migrates(void **state)
{
	migrate(false);
	migrate(true);
}

TEST_MAIN(test_migrates)
