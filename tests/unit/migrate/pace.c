/* SPDX-License-Identifier: MIT */
/*
 * Speed: the bandwidth limit is a limit, can be changed while it holds, and
 * the default policy decides by the expected downtime and the rounds.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static enum smudge_migrate_decision
decision(uint32_t round, uint64_t expected_ns,
	 const struct smudge_migrate_limits *limits)
{
	const struct smudge_migrate_stats stats = {.size = sizeof(stats),
						   .round = round,
						   .expected_downtime_ns =
							   expected_ns};

	return smudge_migrate_default_policy(&stats, limits, NULL);
}

static void default_policy(void **state)
{
	struct smudge_migrate_limits limits = {.size = sizeof(limits)};
	struct smudge_migration *migration;

	assert_int_equal(smudge_migration_create(NULL, &migration, NULL), 0);
	assert_int_equal(smudge_migration_limits(migration, &limits), 0);
	smudge_migration_destroy(migration);
	assert_int_equal(limits.downtime_limit_ns, 300000000);
	assert_int_equal(limits.max_rounds, 30);
	assert_int_equal(limits.max_bandwidth_bytes_ps, 0);
	assert_int_equal(decision(1, 300000000, &limits),
			 SMUDGE_MIGRATE_SWITCH);
	assert_int_equal(decision(1, 300000001, &limits),
			 SMUDGE_MIGRATE_CONTINUE);
	assert_int_equal(decision(29, UINT64_MAX, &limits),
			 SMUDGE_MIGRATE_CONTINUE);
	assert_int_equal(decision(30, UINT64_MAX, &limits),
			 SMUDGE_MIGRATE_SWITCH);
}

/* No faster than the limit: 8.25 MiB less the burst, at 16 MiB/s. */
static void limit_holds(void **state)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_migrate_limits limits = {
		.size = sizeof(limits), .max_bandwidth_bytes_ps = 16 << 20};
	struct smudge_migrate_stats stats;

	rig_open(&rig, "limit_holds");
	assert_int_equal(
		smudge_migration_set_limits(rig.sending, &limits, NULL), 0);
	memset(rig.source.hva[0], 0x33, rig.npages[0] << 12);
	rig_start_receiver(&rig);
	assert_int_equal(rig_send(&rig, NULL), 0);
	rig_join_receiver(&rig);
	stats = rig_stats(rig.sending);
	assert_true(stats.elapsed_ns > 400000000);
	assert_true(stats.bandwidth_bytes_ps < 20 << 20);
	rig_assert_equal(&rig);
	rig_close(&rig);
}

/* At 1 byte per second it would take months: lifted, it ends. */
static void limit_is_lifted(void **state)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_migrate_limits limits = {.size = sizeof(limits),
					       .max_bandwidth_bytes_ps = 1};

	rig_open(&rig, "limit_is_lifted");
	assert_int_equal(
		smudge_migration_set_limits(rig.sending, &limits, NULL), 0);
	memset(rig.source.hva[0], 0x33, rig.npages[0] << 12);
	rig_start_receiver(&rig);
	rig_start_sender(&rig);
	/* READY came, and the round's first record crawls. */
	while (rig_stats(rig.receiving).phase == SMUDGE_MIGRATE_SETUP)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	limits.max_bandwidth_bytes_ps = 0;
	assert_int_equal(
		smudge_migration_set_limits(rig.sending, &limits, NULL), 0);
	rig_join_sender(&rig);
	rig_join_receiver(&rig);
	assert_int_equal(rig.send_error, 0);
	rig_assert_equal(&rig);
	rig_close(&rig);
}

/* A limit that one byte exhausts does not keep a cancel waiting. */
static void cancel_under_a_limit(void **state)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_migrate_limits limits = {.size = sizeof(limits),
					       .max_bandwidth_bytes_ps = 1};
	struct smi_link link;

	rig_open(&rig, "cancel_under_a_limit");
	assert_int_equal(
		smudge_migration_set_limits(rig.sending, &limits, NULL), 0);
	rig_link_open(&rig, &link);
	rig_start_sender(&rig);
	rig_serve_until(&link, SMI_WIRE_REGION_TABLE, 1);
	smi_link_send_empty(&link, SMI_WIRE_READY, &rig.receive_err);
	smudge_migration_cancel(rig.sending);
	rig_join_sender(&rig);
	rig_assert_went_back(&rig, -ECANCELED, "the migration was cancelled");
	smi_link_close(&link);
	rig_close(&rig);
}

TEST_MAIN(default_policy, limit_holds, limit_is_lifted, cancel_under_a_limit)
