/* SPDX-License-Identifier: MIT */
/*
 * Requests on a connection.
 *
 * A command has bytes of its own, so that its caller may leave it behind when
 * the connection fails. The server may carry it out later, and until it has
 * answered, the connection is kept.
 */
#include "common/nbd_connection_state.h"

#include <smudge/error.h>

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/nbd_command.h"
#include "common/range.h"

#define MAX_IN_FLIGHT 8

static void wake(const struct nbd_connection *connection)
{
	/* it fails only where it is readable already */
	(void)eventfd_write(connection->wake_fd, 1);
}

void nbd_connection_fail(struct nbd_connection *connection, int code,
			 const char *reason)
{
	if (!connection->failure) {
		connection->failure = code;
		snprintf(connection->reason, sizeof(connection->reason), "%s",
			 reason);
	}
	wake(connection);
	pthread_cond_broadcast(&connection->changed);
}

int nbd_connection_say(const struct nbd_connection *connection,
		       struct smudge_error *err)
{
	int code = connection->failure;

	if (code == -ECANCELED)
		return smudge_error_set(err, code, NBD_NAME,
					"the use of %.80s was cancelled",
					connection->uri);
	return smudge_error_set(err, code, NBD_NAME, "%.80s: %s",
				connection->uri, connection->reason);
}

int64_t nbd_connection_deadline_ns(uint64_t timeout_ns)
{
	return timeout_ns ? clock_now_ns() +
				    (int64_t)min_u64(timeout_ns, INT64_MAX / 2)
			  : INT64_MAX;
}

int nbd_connection_left_ms(int64_t deadline_ns)
{
	int64_t left_ns;

	if (deadline_ns == INT64_MAX)
		return -1;
	left_ns = deadline_ns - clock_now_ns();
	if (left_ns <= 0)
		return 0;
	return (int)min_u64((uint64_t)left_ns / CLOCK_NS_PER_MS + 1, INT_MAX);
}

bool nbd_connection_wait(struct nbd_connection *connection, int64_t deadline_ns)
{
	const struct timespec end = {.tv_sec = deadline_ns / CLOCK_NS_PER_S,
				     .tv_nsec = deadline_ns % CLOCK_NS_PER_S};

	if (deadline_ns == INT64_MAX)
		return !pthread_cond_wait(&connection->changed,
					  &connection->lock);
	return pthread_cond_timedwait(&connection->changed, &connection->lock,
				      &end) != ETIMEDOUT;
}

static void note_lost(struct nbd_connection *connection)
{
	const struct nbd_library *library = connection->library;

	if (library->aio_is_dead(connection->nbd) ||
	    library->aio_is_closed(connection->nbd))
		nbd_connection_fail(connection, -ECONNRESET,
				    "the server has closed the connection");
}

/* What the socket is ready for. With the lock held. */
static void serve(struct nbd_connection *connection, short events)
{
	const struct nbd_library *library = connection->library;
	unsigned int direction = library->aio_get_direction(connection->nbd);
	int ret = 0;

	if (direction & LIBNBD_AIO_DIRECTION_READ &&
	    events & (POLLIN | POLLHUP | POLLERR))
		ret = library->aio_notify_read(connection->nbd);
	else if (direction & LIBNBD_AIO_DIRECTION_WRITE &&
		 events & (POLLOUT | POLLHUP | POLLERR))
		ret = library->aio_notify_write(connection->nbd);
	if (ret < 0)
		nbd_connection_fail(connection, -ECONNRESET,
				    library->get_error());
	note_lost(connection);
}

static short wanted_events(const struct nbd_connection *connection)
{
	unsigned int direction =
		connection->library->aio_get_direction(connection->nbd);

	return (short)((direction & LIBNBD_AIO_DIRECTION_READ ? POLLIN : 0) |
		       (direction & LIBNBD_AIO_DIRECTION_WRITE ? POLLOUT : 0));
}

/* For all users. With the lock held, which is given up meanwhile. */
static void poll_once(struct nbd_connection *connection, int64_t deadline_ns)
{
	struct pollfd polls[] = {
		{connection->wake_fd, POLLIN, 0},
		{connection->library->aio_get_fd(connection->nbd),
		 wanted_events(connection), 0},
		{connection->end_fd, POLLIN, 0},
	};
	eventfd_t ignored;
	int n;

	connection->is_polled = true;
	pthread_mutex_unlock(&connection->lock);
	n = poll(polls, 3, nbd_connection_left_ms(deadline_ns));
	pthread_mutex_lock(&connection->lock);
	connection->is_polled = false;
	if (n > 0 && polls[0].revents)
		(void)eventfd_read(connection->wake_fd, &ignored);
	if (n > 0 && polls[2].revents)
		nbd_connection_fail(connection, -ECANCELED, "");
	if (n > 0 && polls[1].revents && !connection->failure)
		serve(connection, polls[1].revents);
	pthread_cond_broadcast(&connection->changed);
}

static void note_error(struct nbd_progress *progress, int error)
{
	if (!progress->error)
		progress->error = error;
}

/* The next piece. */
static void issue(struct nbd_connection *connection,
		  struct nbd_progress *progress)
{
	const struct nbd_request *request = progress->request;
	uint64_t length_bytes =
		min_u64(request->length_bytes - progress->issued_bytes,
			request->piece_bytes);
	struct nbd_command *command =
		nbd_command_add(connection, progress, length_bytes);

	if (!command) {
		note_error(progress, ENOMEM);
		return;
	}
	/* it may complete at once */
	progress->nin_flight++;
	if (nbd_command_issue(connection, command,
			      request->offset + progress->issued_bytes) < 0) {
		int code = connection->library->get_errno();

		if (nbd_command_remove(connection, command))
			progress->nin_flight--;
		note_error(progress, code ? code : EIO);
	}
	progress->issued_bytes += length_bytes;
	progress->is_issued = progress->issued_bytes == request->length_bytes;
	note_lost(connection);
	/* it may now have to wait for room to send too */
	if (connection->is_polled)
		wake(connection);
}

static bool has_more(const struct nbd_progress *progress)
{
	return !progress->is_issued && !progress->error;
}

static void carry_out(struct nbd_connection *connection,
		      struct nbd_progress *progress, uint64_t timeout_ns)
{
	int64_t deadline_ns = nbd_connection_deadline_ns(timeout_ns);
	unsigned int nreplies = 0;

	while (!connection->failure &&
	       (has_more(progress) || progress->nin_flight)) {
		if (has_more(progress) && progress->nin_flight < MAX_IN_FLIGHT)
			issue(connection, progress);
		else if (connection->is_polled)
			(void)nbd_connection_wait(connection, deadline_ns);
		else
			poll_once(connection, deadline_ns);
		if (progress->nreplies != nreplies)
			deadline_ns = nbd_connection_deadline_ns(timeout_ns);
		else if (nbd_connection_left_ms(deadline_ns) == 0)
			nbd_connection_fail(connection, -ETIMEDOUT,
					    "the server did not answer in "
					    "time");
		nreplies = progress->nreplies;
	}
}

/* What the server said of a request. */
static int say_refused(const struct nbd_connection *connection,
		       const struct nbd_progress *progress,
		       struct smudge_error *err)
{
	static const char *const verbs[] = {
		[NBD_REQUEST_READ] = "reading",
		[NBD_REQUEST_WRITE] = "writing",
		[NBD_REQUEST_ZERO] = "zeroing",
		[NBD_REQUEST_FLUSH] = "flushing",
	};
	const struct nbd_request *request = progress->request;
	int code = progress->error;

	if (code == ENOSPC || code == EDQUOT)
		return smudge_error_set(err, -ENOSPC, NBD_NAME,
					"the store behind %.80s is full: make "
					"room there",
					connection->uri);
	return smudge_error_set(err, -code, NBD_NAME,
				"%.80s: %s %ju bytes at %ju failed: %s",
				connection->uri, verbs[request->kind],
				(uintmax_t)request->length_bytes,
				(uintmax_t)request->offset, strerror(code));
}

int nbd_connection_run(struct nbd_connection *connection,
		       const struct nbd_request *request, uint64_t timeout_ns,
		       struct smudge_error *err)
{
	struct nbd_progress progress = {.request = request};
	int ret = 0;

	pthread_mutex_lock(&connection->lock);
	if (!connection->nbd && !connection->failure)
		nbd_connection_fail(connection, -ENOTCONN,
				    "it is not connected");
	carry_out(connection, &progress, timeout_ns);
	if (connection->failure) {
		nbd_commands_leave(connection->commands, &progress);
		ret = nbd_connection_say(connection, err);
	} else if (progress.error) {
		ret = say_refused(connection, &progress, err);
	}
	pthread_mutex_unlock(&connection->lock);
	return ret;
}

void nbd_connection_end(struct nbd_connection *connection, int code)
{
	pthread_mutex_lock(&connection->lock);
	nbd_connection_fail(connection, code, "it was given up");
	pthread_mutex_unlock(&connection->lock);
}

bool nbd_connection_is_alive(struct nbd_connection *connection)
{
	bool is_alive;

	pthread_mutex_lock(&connection->lock);
	if (connection->nbd && !connection->failure && !connection->is_polled) {
		struct pollfd wait = {
			connection->library->aio_get_fd(connection->nbd),
			POLLIN, 0};

		if (poll(&wait, 1, 0) == 1)
			serve(connection, wait.revents);
	}
	is_alive = connection->nbd && !connection->failure;
	pthread_mutex_unlock(&connection->lock);
	return is_alive;
}

/* A host that is gone, or was started again, is found. Not on Unix sockets. */
static void keep_alive(int fd)
{
	const struct {
		int level, name, value;
	} options[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 5},
		{IPPROTO_TCP, TCP_KEEPINTVL, 5},
		{IPPROTO_TCP, TCP_KEEPCNT, 4},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, 25000},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, options[i].level, options[i].name,
				 &options[i].value, sizeof(options[i].value));
}

/* With the lock held, which is given up meanwhile. Return: 0 or -errno. */
static int await_answer(struct nbd_connection *connection, int64_t deadline_ns)
{
	struct pollfd polls[] = {
		{connection->library->aio_get_fd(connection->nbd),
		 wanted_events(connection), 0},
		{connection->wake_fd, POLLIN, 0},
		{connection->end_fd, POLLIN, 0},
	};
	int n;

	pthread_mutex_unlock(&connection->lock);
	n = poll(polls, 3, nbd_connection_left_ms(deadline_ns));
	pthread_mutex_lock(&connection->lock);
	if (n > 0 && (polls[1].revents || polls[2].revents))
		return -ECANCELED;
	if (n > 0)
		serve(connection, polls[0].revents);
	return nbd_connection_left_ms(deadline_ns) == 0 ? -ETIMEDOUT : 0;
}

/* The server may still write something. With the lock held. */
static bool may_change(const struct nbd_connection *connection)
{
	const struct nbd_library *library = connection->library;

	return connection->nbd && !library->aio_is_dead(connection->nbd) &&
	       !library->aio_is_closed(connection->nbd) &&
	       nbd_commands_change(connection->commands);
}

static int say_unsettled(const struct nbd_connection *connection, int code,
			 struct smudge_error *err)
{
	if (code == -ECANCELED)
		return smudge_error_set(err, code, NBD_NAME,
					"the use of %.80s was cancelled",
					connection->uri);
	return smudge_error_set(err, code, NBD_NAME,
				"%.80s has not answered a write that was given "
				"up, and that may be late: nothing is written "
				"until it answers",
				connection->uri);
}

void nbd_connection_expect(struct nbd_connection *connection)
{
	eventfd_t ignored;

	(void)eventfd_read(connection->wake_fd, &ignored);
}

int nbd_connection_settle(struct nbd_connection *connection,
			  uint64_t timeout_ns, struct smudge_error *err)
{
	int64_t deadline_ns = nbd_connection_deadline_ns(timeout_ns);
	int ret = 0;

	pthread_mutex_lock(&connection->lock);
	if (may_change(connection))
		keep_alive(connection->library->aio_get_fd(connection->nbd));
	while (may_change(connection) && !ret)
		ret = await_answer(connection, deadline_ns);
	if (!may_change(connection))
		ret = 0;
	pthread_mutex_unlock(&connection->lock);
	return ret ? say_unsettled(connection, ret, err) : 0;
}

void nbd_connection_close(struct nbd_connection *connection)
{
	if (connection->nbd)
		connection->library->close(connection->nbd);
	connection->nbd = NULL;
	while (connection->commands)
		(void)nbd_command_remove(connection, connection->commands);
}
