/* SPDX-License-Identifier: MIT */
/*
 * A send or receive without what it needs: -EINVAL, a sentence that has the
 * one cause, and the handle can be used still.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>

static void send_refused(struct rig *rig,
			 const struct smudge_migrate_send_options *options,
			 const char *sentence)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	assert_int_equal(smudge_migrate_send(rig->sending, rig->source.memory,
					     rig->fds[0], options, &err),
			 -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	if (!strstr(err.message, sentence))
		fail_msg("\"%s\" does not say \"%s\"", err.message, sentence);
}

static void send_options(void **state)
{
	struct smudge_migrate_send_options good, bad;
	struct rig rig = {.rounds_wanted = 1};

	rig_open(&rig, "send_options");
	bad = good = rig_send_options(&rig);
	send_refused(&rig, NULL, "options of 0 bytes is too short");
	bad.size = 8;
	send_refused(&rig, &bad, "options of 8 bytes is too short");
	bad = good;
	bad.machine_stop = NULL;
	send_refused(&rig, &bad, "needs a machine_stop");
	bad = good;
	bad.machine_resume = NULL;
	send_refused(&rig, &bad, "needs a machine_resume");
	bad = good;
	bad.state_save = NULL;
	send_refused(&rig, &bad, "needs a state_save");
	rig_start_receiver(&rig);
	assert_int_equal(rig_send(&rig, &good), 0);
	rig_join_receiver(&rig);
	rig_close(&rig);
}

static void receive_options(void **state)
{
	struct smudge_migrate_receive_options o = {0};
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_error err = SMUDGE_ERROR_INIT;

	rig_open(&rig, "receive_options");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(smudge_migrate_receive(rig.receiving,
							rig.destination.memory,
							rig.fds[1], &o, &err),
				 -EINVAL);
		assert_non_null(
			strstr(err.message, i ? "needs a state_load"
					      : "of 0 bytes is too short"));
		o.size = sizeof(o);
	}
	rig_start_receiver(&rig);
	assert_int_equal(rig_send(&rig, NULL), 0);
	rig_join_receiver(&rig);
	assert_int_equal(rig.receive_error, 0);
	rig_close(&rig);
}

TEST_MAIN(send_options, receive_options)
