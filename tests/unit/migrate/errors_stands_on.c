/* SPDX-License-Identifier: MIT */
/*
 * While a migration runs, the regions and the memory of both sides are not
 * removed under it, and a handle that is destroyed lives until the end.
 */
#include "migrate_rig.h"

#include <errno.h>

/* What both sides try to remove, in each call of progress. */
struct attempt {
	struct rig rig; /* the callbacks' opaque, so it stands first */
	bool destroys_handles;
	int at_sender, at_receiver;
	atomic_int wrong; /* answers other than -EBUSY, on both threads */
};

static void expect_busy(struct attempt *attempt, struct rig_side *side)
{
	for (size_t i = 0; i < RIG_REGIONS; i++)
		attempt->wrong +=
			smudge_region_remove(side->regions[i], NULL) != -EBUSY;
	attempt->wrong += smudge_memory_destroy(side->memory, NULL) != -EBUSY;
}

/* Once; the rig has no handle then that it would destroy again. */
static void destroy(struct attempt *attempt, struct smudge_migration **handle)
{
	if (attempt->destroys_handles)
		smudge_migration_destroy(*handle);
	if (attempt->destroys_handles)
		*handle = NULL;
}

static void sender_moves_on(const struct smudge_migrate_stats *stats,
			    void *opaque)
{
	struct attempt *attempt = opaque;

	attempt->at_sender++;
	expect_busy(attempt, &attempt->rig.source);
	destroy(attempt, &attempt->rig.sending);
}

static void receiver_moves_on(const struct smudge_migrate_stats *stats,
			      void *opaque)
{
	struct attempt *attempt = opaque;

	attempt->at_receiver++;
	expect_busy(attempt, &attempt->rig.destination);
	destroy(attempt, &attempt->rig.receiving);
}

static int load_state(void *opaque, const void *bytes, size_t length,
		      struct smudge_error *err)
{
	return 0;
}

static void *receive(void *opaque)
{
	struct attempt *attempt = opaque;
	struct rig *rig = &attempt->rig;
	const struct smudge_migrate_receive_options options = {
		.size = sizeof(options),
		.opaque = attempt,
		.state_load = load_state,
		.progress = receiver_moves_on,
	};

	rig->receive_error = smudge_migrate_receive(
		rig->receiving, rig->destination.memory, rig->fds[1], &options,
		&rig->receive_err);
	return NULL;
}

static void migrate(struct attempt *attempt, const char *name)
{
	struct rig *rig = &attempt->rig;
	struct smudge_migrate_send_options options;

	rig_open(rig, name);
	options = rig_send_options(rig);
	options.progress = sender_moves_on;
	assert_int_equal(pthread_create(&rig->receiver, NULL, receive, attempt),
			 0);
	rig->send_error = rig_send(rig, &options);
	rig_join_receiver(rig);
	assert_int_equal(rig->send_error, 0);
	assert_int_equal(rig->receive_error, 0);
	rig_assert_equal(rig);
	assert_true(attempt->at_sender > 2);
	assert_true(attempt->at_receiver > 0);
	assert_int_equal(attempt->wrong, 0);
	rig_close(rig); /* removes the regions, which works now */
}

static void memory_under_a_migration(void **state)
{
	struct attempt attempt = {.rig = {.rounds_wanted = 2}};

	migrate(&attempt, "memory_under_a_migration");
}

static void handle_under_a_migration(void **state)
{
	struct attempt attempt = {.rig = {.rounds_wanted = 2},
				  .destroys_handles = true};

	migrate(&attempt, "handle_under_a_migration");
}

/* A handle that was used is not claimed again, and so not freed too early. */
static void a_second_use_owns_nothing(void **state)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_migration *handle;

	rig_open(&rig, "a_second_use_owns_nothing");
	handle = rig.sending;
	rig_start_receiver(&rig);
	assert_int_equal(rig_send(&rig, NULL), 0);
	rig_join_receiver(&rig);
	assert_int_equal(rig_send(&rig, NULL), -EINVAL);
	assert_int_equal(rig_send(&rig, NULL), -EINVAL);
	assert_int_equal(rig_stats(handle).phase, SMUDGE_MIGRATE_COMPLETED);
	rig_close(&rig);
}

TEST_MAIN(memory_under_a_migration, handle_under_a_migration,
	  a_second_use_owns_nothing)
