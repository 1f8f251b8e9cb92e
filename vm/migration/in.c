/* SPDX-License-Identifier: MIT */
/*
 * The receiving side: listen, accept one peer, and link the library's receiver
 * to the machine. A peer that does not send a migration's greeting is
 * disconnected, and the next one is accepted.
 *
 * The machine's state is loaded before the acknowledgement, and the machine is
 * started after it: until then the sender may resume its own.
 */
#include "migration/job.h"

#include "common/wait.h"
#include "base/host.h"
#include "base/say.h"
#include "machine/moment.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GREETING_BYTES 40 /* as docs/protocol.md says */
#define MAGIC_BYTES    8
#define GREETING_MS    5000
#define LOOK_AGAIN_MS  20
#define NS_PER_MS      INT64_C(1000000)

static int load_state(void *opaque, const void *bytes, size_t length,
		      struct smudge_error *err)
{
	struct migration *migration = opaque;

	return moment_load(migration->machine, bytes, length,
			   &migration->was_running, err);
}

static void stop_listening(struct migration *migration)
{
	migration_unlisten(&migration->uri, migration->listen_fd);
	migration->listen_fd = -1;
}

/* The regions were compared: from here on memory is written. */
static void begun(const struct smudge_migrate_stats *stats, void *opaque)
{
	if (stats->phase == SMUDGE_MIGRATE_ROUNDS)
		migration_activate(opaque);
}

static int receive(struct migration *migration, int fd,
		   struct smudge_error *err)
{
	const struct smudge_migrate_receive_options options = {
		.size = sizeof(options),
		.opaque = migration,
		.state_load = load_state,
		.progress = begun,
	};
	int ret;

	ret = smudge_migrate_receive(migration->job,
				     machine_memory(migration->machine), fd,
				     &options, err);
	/* the sender has handed it over: whatever happens now, it is here */
	if (!ret)
		run_control_arrive(migration->machine, migration->was_running);
	return ret;
}

/*
 * True when the connection ended, or broke the rules, before its greeting was
 * whole and right: it is no source of this migration, and nothing was changed
 * for it.
 */
static bool was_no_source(int result, const struct smudge_error *err)
{
	if (err->stream_offset_bytes)
		return false;
	switch (result) {
	case -EPROTO:
	case -EPROTONOSUPPORT:
	case -EBADMSG:
	case -ECONNRESET:
	case -EPIPE:
	case -ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

/*
 * True when there is enough for the library to accept the greeting, or to
 * refuse it at once.
 */
static bool is_decided(int fd)
{
	static const char magic[MAGIC_BYTES] = "\x89SMDG\r\n\x1a";
	struct pollfd closed = {fd, POLLRDHUP, 0};
	char bytes[GREETING_BYTES];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

	if (n < 0)
		return errno != EAGAIN && errno != EINTR;
	if (n == 0 || n == GREETING_BYTES)
		return true;
	if (n >= MAGIC_BYTES && memcmp(bytes, magic, MAGIC_BYTES) != 0)
		return true;
	return poll(&closed, 1, 0) > 0;
}

/*
 * A source sends its greeting at once. A peer that connects and sends nothing,
 * or a part of one, must not hold up the source, which waits in the queue
 * meanwhile.
 */
static int await_greeting(struct migration *migration, int fd,
			  struct smudge_error *err)
{
	int64_t deadline_ns = host_now_ns() + GREETING_MS * NS_PER_MS;
	int ret = wait_ready(fd, POLLIN, migration->cancel_fd, GREETING_MS);

	while (!ret && !is_decided(fd)) {
		/* poll does not tell when more bytes come */
		ret = wait_ready(-1, 0, migration->cancel_fd, LOOK_AGAIN_MS);
		if (ret == -ETIMEDOUT && host_now_ns() < deadline_ns)
			ret = 0;
	}
	if (ret)
		smudge_error_set(err, ret, "migration",
				 "no greeting came from the peer: %s",
				 strerror(-ret));
	return ret;
}

/* One connection. Return: as receive; -EAGAIN: accept another. */
static int serve_one(struct migration *migration, struct smudge_error *err)
{
	int fd = -1;
	int ret = migration_accept(migration->listen_fd, migration->cancel_fd,
				   &fd, err);

	if (ret)
		return ret;
	ret = await_greeting(migration, fd, err);
	if (!ret)
		ret = receive(migration, fd, err);
	close(fd);
	if (!ret || !was_no_source(ret, err))
		return ret;
	say("a connection to the incoming migration was no migration: %s",
	    err->message);
	smudge_error_clear(err);
	ret = migration_renew(migration, err);
	return ret ? ret : -EAGAIN;
}

static void *receive_thread(void *opaque)
{
	struct migration *migration = opaque;
	struct smudge_error err = {0};
	int ret;

	do {
		ret = serve_one(migration, &err);
	} while (ret == -EAGAIN);
	stop_listening(migration);
	if (ret && ret != -ECANCELED)
		say("incoming migration failed: %s", err.message);
	migration_finish(migration, ret, &err);
	/* RAM is partly overwritten: there is no machine any more */
	if (ret)
		machine_request_exit(migration->machine, MACHINE_EXIT_ERROR, 1);
	return NULL;
}

static int check_expected(struct migration *migration, struct smudge_error *err)
{
	/* first: a job that ends in between leaves the state inmigrate */
	bool is_running = migration_is_running(migration);
	int ret = run_control_check(migration->machine, err);

	if (ret)
		return ret;
	if (machine_run_state(migration->machine) != MACHINE_INMIGRATE)
		return smudge_error_set(err, -EBUSY, "migration",
					"no migration is expected: this "
					"machine was not started with "
					"--incoming");
	if (is_running)
		return smudge_error_set(err, -EBUSY, "migration",
					"The incoming migration has already "
					"been started");
	return 0;
}

/* With start_lock held. */
static int start(struct migration *migration, struct migration_uri *uri,
		 struct smudge_error *err)
{
	int fd = -1;
	int ret = check_expected(migration, err);

	if (!ret)
		ret = migration_listen(uri, &fd, err);
	if (ret)
		return ret;
	ret = migration_begin(migration, true, err);
	if (ret) {
		migration_unlisten(uri, fd);
		return ret;
	}
	migration->uri = *uri;
	migration->listen_fd = fd;
	pthread_mutex_lock(&migration->lock);
	migration->listened = migration_listen_address(uri, fd);
	migration->has_listened = true;
	pthread_mutex_unlock(&migration->lock);
	return migration_spawn(migration, receive_thread, err);
}

int migration_start_incoming(struct migration *migration, const char *text,
			     struct smudge_error *err)
{
	return migration_start(migration, text, start, err);
}
