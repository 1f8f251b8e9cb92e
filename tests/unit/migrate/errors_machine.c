/* SPDX-License-Identifier: MIT */
/*
 * The source's own machine fails the migration: it cannot be stopped, it writes
 * after it was stopped, its state is too large, the policy gives up. The
 * machine continues, and the destination gets the reason.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>

#include <smudge/source.h>

static void fails(struct rig *rig, int error, const char *words)
{
	rig_start_receiver(rig);
	rig_start_sender(rig);
	rig_join_sender(rig);
	rig_join_receiver(rig);
	rig_assert_went_back(rig, error, words);
	assert_int_equal(rig->receive_error, -EREMOTEIO);
	assert_non_null(strstr(rig->receive_err.message, words));
	rig_close(rig);
}

static void does_not_stop(void **state)
{
	struct rig rig = {.rounds_wanted = 1, .stop_error = -EAGAIN};

	rig_open(&rig, "does_not_stop");
	fails(&rig, -EAGAIN, "stopping the machine failed");
}

static void state_too_large(void **state)
{
	struct rig rig = {.rounds_wanted = 1};

	rig_open(&rig, "state_too_large");
	rig.state_bytes = (size_t)64 << 20;
	fails(&rig, -EFBIG, "state of 67108864 bytes is larger");
}

/* A device that was forgotten: each harvest finds that it wrote again. */
static int forgotten_start(void *opaque,
			   const struct smudge_source_range *range,
			   struct smudge_error *err)
{
	return 0;
}

static void forgotten_stop(void *opaque)
{
}

static int forgotten_harvest(void *opaque, struct smudge_sink *sink,
			     struct smudge_error *err)
{
	smudge_sink_range(sink, 5 << 12, 1);
	return 0;
}

/* A migration of memory with a source that harvests like this goes back. */
static void goes_back(const char *name,
		      int (*harvest)(void *opaque, struct smudge_sink *sink,
				     struct smudge_error *err),
		      int error, const char *words)
{
	const struct smudge_source_ops ops = {
		.size = sizeof(ops),
		.name = "test",
		.start = forgotten_start,
		.stop = forgotten_stop,
		.harvest = harvest,
	};
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_source *source;

	rig_open(&rig, name);
	assert_int_equal(smudge_source_create(&ops, NULL, &source, NULL), 0);
	assert_int_equal(
		smudge_region_attach(rig.source.regions[0], source, 0, 0, NULL),
		0);
	rig_start_receiver(&rig);
	rig_start_sender(&rig);
	rig_join_sender(&rig);
	rig_join_receiver(&rig);
	rig_assert_went_back(&rig, error, words);
	assert_non_null(strstr(rig.receive_err.message, words));
	smudge_source_destroy(source);
	rig_close(&rig);
}

static void writes_though_stopped(void **state)
{
	goes_back("writes_though_stopped", forgotten_harvest, -EBUSY,
		  "memory is written though the machine was stopped: 1 pages");
}

/* A source whose harvest fails ends the migration. */
static int broken_harvest(void *opaque, struct smudge_sink *sink,
			  struct smudge_error *err)
{
	return smudge_error_set(err, -EIO, "test", "the log cannot be read");
}

static void source_fails(void **state)
{
	goes_back("source_fails", broken_harvest, -EIO,
		  "the log cannot be read");
}

static enum smudge_migrate_decision
give_up(const struct smudge_migrate_stats *stats,
	const struct smudge_migrate_limits *limits, void *opaque)
{
	return stats->round < 2 ? SMUDGE_MIGRATE_CONTINUE
				: SMUDGE_MIGRATE_ABORT;
}

static void policy_gives_up(void **state)
{
	struct rig rig = {0};
	struct smudge_migrate_send_options options;

	rig_open(&rig, "policy_gives_up");
	options = rig_send_options(&rig);
	options.policy = give_up;
	rig_start_receiver(&rig);
	rig.send_error = rig_send(&rig, &options);
	rig_join_receiver(&rig);
	rig_assert_went_back(&rig, -ECANCELED,
			     "the policy gave up after round 2");
	assert_int_equal(rig.stops, 0);
	assert_int_equal(rig.receive_error, -EREMOTEIO);
	rig_close(&rig);
}

TEST_MAIN(does_not_stop, state_too_large, writes_though_stopped, source_fails,
	  policy_gives_up)
