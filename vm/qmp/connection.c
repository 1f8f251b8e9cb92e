/* SPDX-License-Identifier: MIT */
/*
 * Reads what one QMP client sends, and sends it what its session answers.
 */
#include "qmp/connection.h"

#include "base/host.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUTPUT_HIGH ((size_t)64 << 10)
#define READ_BYTES  4096

void qmp_connection_open(struct qmp_connection *connection, int fd,
			 const struct qmp_handler *handler)
{
	*connection = (struct qmp_connection){
		.fd = fd, .session = qmp_session_create(handler)};
	/* without memory for a greeting the client would wait for it */
	if (!connection->session || qmp_session_failed(connection->session))
		qmp_connection_close(connection);
}

void qmp_connection_close(struct qmp_connection *connection)
{
	close(connection->fd);
	qmp_session_destroy(connection->session);
	*connection = (struct qmp_connection){.fd = -1};
}

size_t qmp_connection_pending(const struct qmp_connection *connection)
{
	size_t len = 0;

	qmp_session_output(connection->session, &len);
	return len;
}

bool qmp_connection_takes_events(const struct qmp_connection *connection,
				 size_t max)
{
	return connection->fd >= 0 && !connection->close_at_ns &&
	       qmp_session_negotiated(connection->session) &&
	       qmp_connection_pending(connection) < max;
}

short qmp_connection_events(const struct qmp_connection *connection,
			    bool reading)
{
	size_t len = qmp_connection_pending(connection);
	short events = len ? POLLOUT : 0;

	if (reading && !connection->close_at_ns && len < OUTPUT_HIGH)
		events |= POLLIN;
	return events;
}

static void write_some(struct qmp_connection *connection)
{
	size_t len = 0;
	const char *bytes = qmp_session_output(connection->session, &len);
	ssize_t n;

	if (!len)
		return;
	n = send(connection->fd, bytes, len, MSG_NOSIGNAL);
	if (n >= 0)
		qmp_session_sent(connection->session, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		qmp_connection_close(connection);
}

static void read_some(struct qmp_connection *connection)
{
	char bytes[READ_BYTES];
	ssize_t n = recv(connection->fd, bytes, sizeof(bytes), 0);

	if (n > 0) {
		qmp_session_input(connection->session, bytes, (size_t)n);
	} else if (n == 0) {
		qmp_session_end_input(connection->session);
		connection->close_at_ns = host_now_ns() + QMP_FLUSH_NS;
	} else if (errno != EAGAIN && errno != EINTR) {
		qmp_connection_close(connection);
	}
}

static bool is_over(const struct qmp_connection *connection)
{
	if (qmp_session_failed(connection->session))
		return true;
	return connection->close_at_ns &&
	       (!qmp_connection_pending(connection) ||
		host_now_ns() >= connection->close_at_ns);
}

void qmp_connection_serve(struct qmp_connection *connection, short revents)
{
	if (revents & POLLIN)
		read_some(connection);
	else if (revents & (POLLHUP | POLLERR))
		qmp_connection_close(connection);
	if (connection->fd >= 0)
		write_some(connection);
	if (connection->fd >= 0 && is_over(connection))
		qmp_connection_close(connection);
}
