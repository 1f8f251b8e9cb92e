/* SPDX-License-Identifier: MIT */
/*
 * The callbacks of a migration return undocumented values. Neither side takes
 * it for success: the machine runs on at the source, and the sentence has what
 * was returned.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void fails_with(struct rig *rig, int error, const char *words)
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

static void fails(struct rig *rig, const char *words)
{
	fails_with(rig, -EIO, words);
}

static void machine_stop_returns_5(void **state)
{
	struct rig rig = {.rounds_wanted = 1, .stop_error = 5};

	rig_open(&rig, "machine_stop_returns_5");
	fails(&rig, "machine_stop returned 5,");
}

static void machine_stop_returns_int_min(void **state)
{
	struct rig rig = {.rounds_wanted = 1, .stop_error = INT_MIN};

	rig_open(&rig, "machine_stop_returns_int_min");
	fails(&rig, "machine_stop returned -2147483648,");
}

/* It would mean that the machine was handed over, and stay stopped. */
static void machine_stop_returns_eownerdead(void **state)
{
	struct rig rig = {.rounds_wanted = 1, .stop_error = -EOWNERDEAD};

	rig_open(&rig, "machine_stop_returns_eownerdead");
	fails(&rig, "machine_stop returned -130,");
}

/* The number of a refusal, without one: the destination gets an ABORT. */
static void machine_stop_returns_eremoteio(void **state)
{
	struct rig rig = {.rounds_wanted = 1, .stop_error = -EREMOTEIO};

	rig_open(&rig, "machine_stop_returns_eremoteio");
	fails_with(&rig, -EREMOTEIO, "stopping the machine failed");
}

static void state_save_returns_5(void **state)
{
	struct rig rig = {.rounds_wanted = 1, .save_error = 5};

	rig_open(&rig, "state_save_returns_5");
	fails(&rig, "state_save returned 5,");
}

static int save_nothing(void *opaque, void **ret_bytes, size_t *ret_length)
{
	*ret_bytes = NULL;
	*ret_length = 16;
	return 0;
}

static int save_and_fail(void *opaque, void **ret_bytes, size_t *ret_length)
{
	static char not_of_malloc[16];

	*ret_bytes = not_of_malloc;
	*ret_length = sizeof(not_of_malloc);
	return -ENXIO;
}

static void send_with(int (*state_save)(void *, void **, size_t *), int error,
		      const char *words)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_migrate_send_options options;

	rig_open(&rig, words);
	options = rig_send_options(&rig);
	options.state_save = state_save;
	rig_start_receiver(&rig);
	rig.send_error = rig_send(&rig, &options);
	rig_join_receiver(&rig);
	rig_assert_went_back(&rig, error, words);
	assert_int_equal(rig.receive_error, -EREMOTEIO);
	rig_close(&rig);
}

static void state_without_memory(void **state)
{
	send_with(save_nothing, -EIO,
		  "state_save gave no memory for its 16 bytes");
}

/* The library does not free what a failed state_save leaves. */
static void failed_save_leaves_a_pointer(void **state)
{
	send_with(save_and_fail, -ENXIO, "saving the machine's state failed");
}

static void load_returns(int value, const char *words)
{
	struct rig rig = {.rounds_wanted = 1, .load_error = value};

	rig_open(&rig, words);
	rig_start_receiver(&rig);
	rig_start_sender(&rig);
	rig_join_sender(&rig);
	rig_join_receiver(&rig);
	assert_int_equal(rig.receive_error, -EIO);
	assert_int_equal(rig.receive_err.code, -EIO);
	assert_non_null(strstr(rig.receive_err.message, words));
	rig_assert_went_back(&rig, -EREMOTEIO, words);
	rig_close(&rig);
}

static void state_load_returns(void **state)
{
	load_returns(5, "state_load returned 5,");
	load_returns(-EOWNERDEAD, "state_load returned -130,");
}

static int wanted_decision;

static enum smudge_migrate_decision
odd_policy(const struct smudge_migrate_stats *stats,
	   const struct smudge_migrate_limits *lim, void *opaque)
{
	return (enum smudge_migrate_decision)wanted_decision;
}

static void policy_returns(int value, const char *words)
{
	struct rig rig = {0};
	struct smudge_migrate_send_options options;

	wanted_decision = value;
	rig_open(&rig, words);
	options = rig_send_options(&rig);
	options.policy = odd_policy;
	rig_start_receiver(&rig);
	rig.send_error = rig_send(&rig, &options);
	rig_join_receiver(&rig);
	rig_assert_went_back(&rig, -ECANCELED, words);
	assert_int_equal(rig.stops, 0);
	assert_int_equal(rig.receive_error, -EREMOTEIO);
	assert_non_null(strstr(rig.receive_err.message, words));
	rig_close(&rig);
}

static void odd_decisions_are_abort(void **state)
{
	policy_returns(3, "the policy returned 3 after round 1");
	policy_returns(-EIO, "the policy returned -5 after round 1");
}

TEST_MAIN(machine_stop_returns_5, machine_stop_returns_int_min,
	  machine_stop_returns_eownerdead, machine_stop_returns_eremoteio,
	  state_save_returns_5, state_without_memory,
	  failed_save_leaves_a_pointer, state_load_returns,
	  odd_decisions_are_abort)
