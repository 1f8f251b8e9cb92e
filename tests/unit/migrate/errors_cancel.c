/* SPDX-License-Identifier: MIT */
/*
 * Cancelling: before it begins, while the peer does not read, from a signal
 * handler, and at the receiver.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static struct smudge_migration *of_signal;

static void on_signal(int number)
{
	smudge_migration_cancel(of_signal);
}

static void wait_for_round_1(struct rig *rig)
{
	while (rig_stats(rig->sending).phase == SMUDGE_MIGRATE_SETUP)
		sched_yield();
}

static void before_the_begin(void **state)
{
	struct rig rig = {0};

	rig_open(&rig, "before_the_begin");
	smudge_migration_cancel(rig.sending);
	rig_start_sender(&rig);
	rig_join_sender(&rig);
	rig_assert_went_back(&rig, -ECANCELED, "the migration was cancelled");
	rig_close(&rig);
}

/* Wait until the sender sleeps, as far as one can see from outside. */
static void wait_for_full_socket(struct rig *rig)
{
	struct pollfd socket = {.fd = rig->fds[0], .events = POLLOUT};
	struct timespec nap = {.tv_nsec = 20000000};

	while (poll(&socket, 1, 0) > 0)
		sched_yield();
	nanosleep(&nap, NULL);
}

/* The socket is full and not read: only a cancel ends the wait. */
static void while_the_peer_does_not_read(void **state)
{
	struct rig rig = {0};
	struct smi_link link;

	rig_open(&rig, "while_the_peer_does_not_read");
	memset(rig.source.hva[0], 0x22, rig.npages[0] << 12);
	rig_link_open(&rig, &link);
	rig_start_sender(&rig);
	rig_serve_until(&link, SMI_WIRE_ROUND_BEGIN, 1);
	wait_for_full_socket(&rig);
	of_signal = rig.sending;
	signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
	rig_join_sender(&rig);
	signal(SIGUSR1, SIG_DFL);
	rig_assert_was_prompt(&rig);
	rig_assert_went_back(&rig, -ECANCELED, "the migration was cancelled");
	smi_link_close(&link);
	rig_close(&rig);
}

/*
 * The receiver gets an ABORT if the sender is between two records. A receiver
 * that is late sends first, to a socket that is closed already (EPIPE).
 */
static void the_receiver_is_told(void **state)
{
	struct rig rig = {.rounds_wanted = 1 << 30};

	rig_open(&rig, "the_receiver_is_told");
	rig_start_writer(&rig);
	rig_start_receiver(&rig);
	rig_start_sender(&rig);
	wait_for_round_1(&rig);
	smudge_migration_cancel(rig.sending);
	rig_join_sender(&rig);
	rig_join_receiver(&rig);
	rig_assert_went_back(&rig, -ECANCELED, "the migration was cancelled");
	assert_true(rig.receive_error == -EREMOTEIO ||
		    rig.receive_error == -ECONNRESET ||
		    rig.receive_error == -EPIPE);
	assert_non_null(
		strstr(rig.receive_err.message,
		       rig.receive_error == -EREMOTEIO
			       ? "the source gave up: the migration was "
			       : "the peer"));
	rig_end_writer(&rig);
	rig_close(&rig);
}

static void at_the_receiver(void **state)
{
	struct rig rig = {.rounds_wanted = 1 << 30};

	rig_open(&rig, "at_the_receiver");
	rig_start_writer(&rig);
	rig_start_receiver(&rig);
	rig_start_sender(&rig);
	wait_for_round_1(&rig);
	smudge_migration_cancel(rig.receiving);
	rig_join_sender(&rig);
	rig_join_receiver(&rig);
	assert_int_equal(rig.receive_error, -ECANCELED);
	rig_assert_went_back(
		&rig, -EREMOTEIO,
		"the destination refused: the migration was cancelled");
	rig_end_writer(&rig);
	rig_close(&rig);
}

TEST_MAIN(before_the_begin, while_the_peer_does_not_read, the_receiver_is_told,
	  at_the_receiver)
