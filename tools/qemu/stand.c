/* SPDX-License-Identifier: MIT */
/*
 * The order: settings, a pipe, migrate, read, leave; close, wait, settings.
 *
 * QEMU's main loop stands with the machine, so no command is run meanwhile.
 */
#include "qemu/stand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <smudge/error.h>

#include "clock.h"
#include "common/clock.h"
#include "common/wait.h"
#include "qemu/peer.h"
#include "qemu/stream.h"
#include "qmp_client.h"

#define NAME	     "qemu"
#define PIPE_NAME    "smudge"
#define PIPE_BYTES   4096
#define CHUNK_BYTES  65536
#define SILENCE_MS   10000 /* of QEMU, while its machine runs */
#define RESUME_MS    10000
#define POLL_MS	     1
#define FAILED_TRIES 5000

void qemu_stand_init(struct qemu_stand *stand, struct qemu_peer *peer,
		     struct qemu_guard *guard, const struct qemu_places *places)
{
	memset(stand, 0, sizeof(*stand));
	stand->peer = peer;
	stand->guard = guard;
	stand->places = places;
	stand->fd = -1;
}

/* The pipe's other end goes to QEMU, and to no other process. */
static int give_pipe(struct qemu_stand *stand, struct smudge_error *err)
{
	int fds[2];
	int bytes;
	int ret;

	if (pipe2(fds, O_CLOEXEC))
		return smudge_error_set(err, -errno, NAME,
					"no pipe could be made: %s",
					strerror(errno));
	stand->fd = fds[0];
	bytes = fcntl(fds[0], F_SETPIPE_SZ, PIPE_BYTES);
	stand->stream = qemu_stream_create(bytes > 0 ? (size_t)bytes : 0);
	if (stand->stream)
		qemu_stream_expect(stand->stream, stand->places);
	if (bytes <= 0 || !stand->stream)
		ret = smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	else
		ret = qmp_client_run_fd(stand->peer->client, "getfd",
					json_pack("{s:s}", "fdname", PIPE_NAME),
					fds[1], NULL, err);
	close(fds[1]);
	return ret;
}

static int migrate(struct qemu_stand *stand, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret = qemu_peer_run(stand->peer, "migrate",
				json_pack("{s:s}", "uri", "fd:" PIPE_NAME),
				NULL, &own);

	if (!ret)
		return 0;
	if (ret != -EREMOTEIO)
		return smudge_error_set(err, ret, NAME, "%s", own.message);
	qemu_peer_run(stand->peer, "closefd",
		      json_pack("{s:s}", "fdname", PIPE_NAME), NULL,
		      &(struct smudge_error)SMUDGE_ERROR_INIT);
	return smudge_error_set(err, ret, NAME,
				"QEMU does not save its machine: %.150s",
				own.message);
}

/* At most so many bytes are there to read, and they are read. */
static int read_some(struct qemu_stand *stand, struct smudge_error *err)
{
	char bytes[CHUNK_BYTES];
	size_t room = qemu_stream_room(stand->stream);
	ssize_t n = read(stand->fd, bytes,
			 room < sizeof(bytes) ? room : sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n < 0)
		return smudge_error_set(err, -errno, NAME,
					"QEMU's state cannot be read: %s",
					strerror(errno));
	if (!n)
		return smudge_error_set(err, -EPIPE, NAME,
					"QEMU ended its state early");
	return qemu_stream_take(stand->stream, bytes, (size_t)n, err);
}

static int say_waiting(const struct qemu_stand *stand, int ret,
		       struct smudge_error *err)
{
	if (ret == -ECANCELED)
		return smudge_error_set(err, ret, NAME,
					"the checkpoint was cancelled");
	if (ret == -ETIMEDOUT && qemu_stream_has_stopped(stand->stream))
		return smudge_error_set(err, ret, NAME,
					"QEMU's devices took longer than the "
					"deadline of the pause allows");
	return smudge_error_set(err, ret, NAME,
				"QEMU does not write its machine's state: %s",
				strerror(-ret));
}

static int read_state(struct qemu_stand *stand, int64_t timeout_ms,
		      struct smudge_error *err)
{
	int64_t end_ms = clock_now_ms() + SILENCE_MS;
	bool has_stopped = false;
	int ret = 0;

	while (!ret) {
		int64_t left_ms = end_ms - clock_now_ms();

		ret = wait_ready(stand->fd, POLLIN, interrupt_end_fd(),
				 left_ms < 0 ? 0 : left_ms);
		if (ret)
			return say_waiting(stand, ret, err);
		ret = read_some(stand, err);
		if (!has_stopped) {
			has_stopped = qemu_stream_has_stopped(stand->stream);
			end_ms = clock_now_ms() +
				 (has_stopped ? timeout_ms : SILENCE_MS);
		}
		if (!stand->seen_ns && qemu_stream_is_described(stand->stream))
			stand->seen_ns = clock_now_ns();
	}
	return ret < 0 ? ret : 0;
}

/* Once it is closed QEMU runs, and this thread perhaps not. */
static void close_pipe(struct qemu_stand *stand)
{
	stand->closed_ns = clock_now_ns();
	if (stand->fd >= 0)
		close(stand->fd);
	stand->fd = -1;
}

static bool is_under_way(const char *status)
{
	static const char *const over[] = {"none", "completed", "failed",
					   "cancelled"};

	for (size_t i = 0; i < sizeof(over) / sizeof(*over); i++)
		if (strcmp(status, over[i]) == 0)
			return false;
	return true;
}

/* 1: QEMU migrates at this moment; 0, or -errno. */
static int query(struct qemu_peer *peer, struct smudge_error *err)
{
	json_t *value = NULL;
	const char *status;
	int ret = qemu_peer_run(peer, "query-migrate", NULL, &value, err);

	if (ret)
		return ret;
	status = json_string_value(json_object_get(value, "status"));
	ret = status && is_under_way(status);
	json_decref(value);
	return ret;
}

static int refuse_others(struct qemu_stand *stand, struct smudge_error *err)
{
	int ret = query(stand->peer, err);

	if (ret == 1)
		return smudge_error_set(err, -EBUSY, NAME,
					"QEMU migrates its machine at this "
					"moment, and can do that once at a "
					"time");
	if (!ret)
		ret = qemu_peer_status(stand->peer, err);
	stand->was_running = stand->peer->is_running;
	if (ret || strcmp(stand->peer->status, "postmigrate") != 0)
		return ret;
	return smudge_error_set(err, -EOPNOTSUPP, NAME,
				"QEMU does not save a machine again that was "
				"migrated, or saved while it was paused: let "
				"it run first (cont)");
}

/* Until the migration into the pipe has failed. */
static int wait_until_over(struct qemu_stand *stand, struct smudge_error *err)
{
	int ret = 1;

	for (int i = 0; ret == 1 && i < FAILED_TRIES; i++) {
		ret = query(stand->peer, err);
		if (ret == 1)
			clock_sleep_ms(POLL_MS);
	}
	if (ret == 1)
		return smudge_error_set(err, -ETIMEDOUT, NAME,
					"QEMU does not give up the migration "
					"whose other end is closed");
	return ret;
}

/*
 * The machine that ran runs. QEMU sees to it; it is told to only if it read
 * more than it should have.
 */
static int wait_until_running(struct qemu_stand *stand,
			      struct smudge_error *err)
{
	int64_t end_ms = clock_now_ms() + RESUME_MS;
	int ret = qemu_peer_status(stand->peer, err);

	while (!ret && stand->was_running && !stand->peer->is_running) {
		if (strcmp(stand->peer->status, "postmigrate") == 0)
			ret = qemu_peer_run(stand->peer, "cont", NULL, NULL,
					    err);
		if (clock_now_ms() > end_ms)
			return smudge_error_set(
				err, -ETIMEDOUT, NAME,
				"QEMU's machine does not run again: its status "
				"is %s",
				stand->peer->status);
		clock_sleep_ms(POLL_MS);
		ret = ret ? ret : qemu_peer_status(stand->peer, err);
	}
	return ret;
}

static int run_on(struct qemu_stand *stand, struct smudge_error *err)
{
	int ret, also;

	close_pipe(stand);
	ret = wait_until_over(stand, err);
	if (!ret)
		ret = wait_until_running(stand, err);
	also = qemu_settings_put_back(&stand->settings, stand->peer,
				      stand->guard, err);
	return ret ? ret : also;
}

int qemu_stand_begin(struct qemu_stand *stand, int64_t timeout_ms,
		     struct smudge_error *err)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	int ret;

	qemu_stream_destroy(stand->stream);
	stand->stream = NULL;
	stand->seen_ns = 0;
	ret = refuse_others(stand, err);
	if (ret)
		return ret;
	qemu_peer_forget(stand->peer);
	ret = qemu_settings_apply(&stand->settings, stand->peer, stand->guard,
				  err);
	if (!ret)
		ret = give_pipe(stand, err);
	if (!ret)
		ret = migrate(stand, err);
	if (!ret)
		ret = read_state(stand, timeout_ms, err);
	if (ret)
		run_on(stand, &ignored);
	return ret;
}

int qemu_stand_end(struct qemu_stand *stand, struct smudge_error *err)
{
	int ret = run_on(stand, err);

	return ret ? ret : qemu_stream_verify(stand->stream, err);
}

void qemu_stand_close(struct qemu_stand *stand)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;

	if (stand->fd >= 0)
		run_on(stand, &ignored);
	qemu_settings_free(&stand->settings);
	qemu_stream_destroy(stand->stream);
	stand->stream = NULL;
}

uint64_t qemu_stand_own_ns(const struct qemu_stand *stand)
{
	return stand->seen_ns && stand->closed_ns > stand->seen_ns
		       ? (uint64_t)(stand->closed_ns - stand->seen_ns)
		       : 0;
}
