/* SPDX-License-Identifier: MIT */
/*
 * The QMP server: a UNIX socket, several clients at once, one thread.
 *
 * All calls of the handler run on the server's thread. Any thread may send
 * events. When a client does not read its replies, the server reads nothing
 * more from it until it does, and drops its events beyond a megabyte of them.
 */
#ifndef VM_QMP_SERVER_H
#define VM_QMP_SERVER_H

#include "qmp/session.h"

struct smudge_error;
struct qmp_server;
struct socket_file;

/*
 * qmp_socket_path - the path in "unix:PATH,server=on,wait=off"
 * Return: 0, or -EINVAL with one sentence.
 */
int qmp_socket_path(const char *spec, struct socket_file *ret_file,
		    struct smudge_error *err);

/*
 * qmp_server_open - listen; commands are executed after qmp_server_start
 * @spec: "unix:PATH", which ",server=on" and ",wait=off" may follow
 * @handler: copied; before_reply is the server's own and ignored
 *
 * A socket file without a listener is replaced. Return: 0, or -errno with one
 * sentence in @err.
 */
int qmp_server_open(const char *spec, const struct qmp_handler *handler,
		    struct qmp_server **ret_server, struct smudge_error *err);

/* Start the thread. Return: 0, or -errno with one sentence in @err. */
int qmp_server_start(struct qmp_server *server, struct smudge_error *err);

/*
 * qmp_server_stop - send what is pending, for 0.3 s at most, and end the
 * thread; later events are dropped. Not from the handler.
 * qmp_server_destroy - free a stopped server; NULL is fine
 */
void qmp_server_stop(struct qmp_server *server);
void qmp_server_destroy(struct qmp_server *server);

/* @data is stolen, NULL for none. Threads: any, from open to destroy. */
void qmp_server_event(struct qmp_server *server, const char *name,
		      json_t *data);

#endif
