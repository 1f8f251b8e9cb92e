/* SPDX-License-Identifier: MIT */
/*
 * One connection of the QMP server: its socket, its session, and its end.
 *
 * A client may shut down its sending side and still read: its requests are
 * answered, then the connection is closed. A client that does not read the
 * answers is disconnected after QMP_FLUSH_NS. Only the server's thread uses
 * connections.
 */
#ifndef VM_QMP_CONNECTION_H
#define VM_QMP_CONNECTION_H

#include "qmp/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QMP_FLUSH_NS INT64_C(10000000000)

struct qmp_connection {
	int fd; /* -1: not in use */
	struct qmp_session *session;
	int64_t close_at_ns; /* the client sends no more: flush until then; or 0
			      */
};

/*
 * @fd: taken, non-blocking. When memory is short it is closed, and the
 *      connection is not in use.
 */
void qmp_connection_open(struct qmp_connection *connection, int fd,
			 const struct qmp_handler *handler);
void qmp_connection_close(struct qmp_connection *connection);

/* Bytes that wait to be sent. */
size_t qmp_connection_pending(const struct qmp_connection *connection);

/* Its client negotiated, still reads, and has less than @max bytes pending. */
bool qmp_connection_takes_events(const struct qmp_connection *connection,
				 size_t max);

/*
 * qmp_connection_events - what to poll for
 * @reading: false while the server ends, when nothing more is read
 */
short qmp_connection_events(const struct qmp_connection *connection,
			    bool reading);

/*
 * @revents: of poll, or 0. May close the connection.
 */
void qmp_connection_serve(struct qmp_connection *connection, short revents);

#endif
