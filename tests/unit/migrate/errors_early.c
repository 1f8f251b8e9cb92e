/* SPDX-License-Identifier: MIT */
/*
 * A side that fails before its first record tells the peer, which would
 * otherwise see a closed connection and no reason. Only a call with invalid
 * arguments leaves the connection alone, so that the caller can repeat it.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int load_nothing(void *opaque, const void *bytes, size_t length,
			struct smudge_error *err)
{
	return 0;
}

static int receive_to(struct rig *rig, struct smudge_memory *memory)
{
	const struct smudge_migrate_receive_options options = {
		.size = sizeof(options),
		.state_load = load_nothing,
	};

	return smudge_migrate_receive(rig->receiving, memory, rig->fds[1],
				      &options, &rig->receive_err);
}

static void receiver_without_regions(void **state)
{
	struct smudge_memory *empty;
	struct rig rig = {0};

	rig_open(&rig, "receiver_without_regions");
	assert_int_equal(smudge_memory_create(&empty), 0);
	rig_start_sender(&rig);
	assert_int_equal(receive_to(&rig, empty), -EINVAL);
	rig_join_sender(&rig);
	rig_assert_went_back(&rig, -EREMOTEIO,
			     "the destination refused: the memory has no");
	assert_int_equal(rig_stats(rig.receiving).phase, SMUDGE_MIGRATE_FAILED);
	smudge_memory_destroy(empty, NULL);
	rig_close(&rig);
}

static void receiver_cancelled(void **state)
{
	struct rig rig = {0};

	rig_open(&rig, "receiver_cancelled");
	smudge_migration_cancel(rig.receiving);
	rig_start_sender(&rig);
	assert_int_equal(receive_to(&rig, rig.destination.memory), -ECANCELED);
	rig_join_sender(&rig);
	rig_assert_went_back(&rig, -EREMOTEIO,
			     "the destination refused: the migration was "
			     "cancelled");
	rig_close(&rig);
}

/* The peer of one that failed has the reason, however late it begins. */
static void late_sender(void **state)
{
	struct rig rig = {0};

	rig_open(&rig, "late_sender");
	smudge_migration_cancel(rig.receiving);
	assert_int_equal(receive_to(&rig, rig.destination.memory), -ECANCELED);
	rig_start_sender(&rig);
	rig_join_sender(&rig);
	rig_assert_went_back(&rig, -EREMOTEIO,
			     "the destination refused: the migration was "
			     "cancelled");
	rig_close(&rig);
}

static void late_receiver(void **state)
{
	struct rig rig = {0};

	rig_open(&rig, "late_receiver");
	smudge_migration_cancel(rig.sending);
	assert_int_equal(rig_send(&rig, NULL), -ECANCELED);
	assert_int_equal(receive_to(&rig, rig.destination.memory), -EREMOTEIO);
	assert_non_null(strstr(rig.receive_err.message,
			       "the source gave up: the migration was "));
	rig_close(&rig);
}

struct server {
	struct smi_link link;
	uint32_t code;
};

static void *serve(void *opaque)
{
	struct server *server = opaque;

	server->code = rig_serve(&server->link);
	smi_channel_shutdown(smi_link_channel(&server->link));
	return NULL;
}

/* Send from @memory; the receiver gets an ABORT with @code. */
static void sender_fails(struct rig *rig, struct smudge_memory *memory,
			 int error, uint32_t code)
{
	struct smudge_migrate_send_options options = rig_send_options(rig);
	struct server server = {0};
	pthread_t thread;

	rig_link_open(rig, &server.link);
	assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
	assert_int_equal(smudge_migrate_send(rig->sending, memory, rig->fds[0],
					     &options, &rig->send_err),
			 error);
	pthread_join(thread, NULL);
	assert_int_equal(server.code, code);
	assert_int_equal(rig_stats(rig->sending).phase,
			 error == -ECANCELED ? SMUDGE_MIGRATE_CANCELLED
					     : SMUDGE_MIGRATE_FAILED);
	smi_link_close(&server.link);
}

static void sender_without_regions(void **state)
{
	struct smudge_memory *empty;
	struct rig rig = {0};

	rig_open(&rig, "sender_without_regions");
	assert_int_equal(smudge_memory_create(&empty), 0);
	sender_fails(&rig, empty, -EINVAL, 6);
	smudge_memory_destroy(empty, NULL);
	rig_close(&rig);
}

static void sender_cancelled(void **state)
{
	struct rig rig = {0};

	rig_open(&rig, "sender_cancelled");
	smudge_migration_cancel(rig.sending);
	sender_fails(&rig, rig.source.memory, -ECANCELED, 1);
	rig_close(&rig);
}

/* Wrong options: nothing was sent, and the next call moves the machine. */
static void wrong_calls_touch_nothing(void **state)
{
	struct rig rig = {.rounds_wanted = 1};
	const struct smudge_migrate_receive_options no_load = {
		.size = sizeof(no_load)};

	rig_open(&rig, "wrong_calls_touch_nothing");
	assert_int_equal(
		smudge_migrate_send(rig.sending, rig.source.memory, rig.fds[0],
				    &(struct smudge_migrate_send_options){0},
				    NULL),
		-EINVAL);
	assert_int_equal(smudge_migrate_receive(rig.receiving,
						rig.destination.memory,
						rig.fds[1], &no_load, NULL),
			 -EINVAL);
	rig_start_receiver(&rig);
	assert_int_equal(rig_send(&rig, NULL), 0);
	rig_join_receiver(&rig);
	assert_int_equal(rig.receive_error, 0);
	rig_assert_equal(&rig);
	rig_close(&rig);
}

/* Not a socket: nothing is sent to descriptor 0 instead. */
static void no_socket_touches_no_other(void **state)
{
	struct rig rig = {0};
	int saved = dup(0);
	int pair[2];
	int pipes[2];
	char byte;

	rig_open(&rig, "no_socket_touches_no_other");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(dup2(pair[0], 0), 0);
	close(rig.fds[0]);
	rig.fds[0] = pipes[1];
	assert_int_equal(rig_send(&rig, NULL), -ENOTSOCK);
	close(rig.fds[1]);
	rig.fds[1] = pipes[0];
	assert_int_equal(receive_to(&rig, rig.destination.memory), -ENOTSOCK);
	/* Neither bytes nor an end have come, and it can still be written. */
	assert_int_equal(recv(pair[1], &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(send(pair[1], "x", 1, MSG_NOSIGNAL), 1);
	if (saved >= 0)
		dup2(saved, 0);
	else
		close(0);
	close(saved);
	close(pair[0]);
	close(pair[1]);
	rig_close(&rig);
}

TEST_MAIN(receiver_without_regions, receiver_cancelled, late_sender,
	  late_receiver, sender_without_regions, sender_cancelled,
	  wrong_calls_touch_nothing, no_socket_touches_no_other)
