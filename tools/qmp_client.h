/* SPDX-License-Identifier: MIT */
/*
 * A QMP client: connect to a UNIX socket, negotiate, run commands.
 *
 * Events are dropped, unless qmp_client_on_event asks for them. One thread at a
 * time uses a client. The client waits at most a minute for a reply, and for a
 * server that accepts no connection. All waits end by interrupt_end_fd
 * (clock.h); the client must not be used after that, since the reply left
 * unread would be taken for the next command's.
 */
#ifndef TOOLS_QMP_CLIENT_H
#define TOOLS_QMP_CLIENT_H

#include <stdint.h>

#include <sys/types.h>

#include <jansson.h>

struct qmp_client;
struct smudge_error;

/*
 * qmp_client_open - connect and negotiate
 * @timeout_ms: how long to try if no server listens on the socket yet
 * Return: 0, or -errno with one sentence.
 */
int qmp_client_open(const char *path, int64_t timeout_ms,
		    struct qmp_client **ret_client, struct smudge_error *err);
void qmp_client_close(struct qmp_client *client);   /* or NULL */
int qmp_client_fd(const struct qmp_client *client); /* borrowed */

/*
 * qmp_client_open_peer - the same, for a client that can do without
 * @greeting_ms: how long to wait for the greeting. A server that serves one
 *      client at a time gives none while it has another one
 * @ret_peer: receives the process that listens, also if the greeting does not
 *      come; 0 if it is in another namespace of processes
 * Return: 0, -ETIMEDOUT (no greeting), or another -errno with one sentence.
 */
int qmp_client_open_peer(const char *path, int64_t greeting_ms, pid_t *ret_peer,
			 struct qmp_client **ret_client,
			 struct smudge_error *err);

/*
 * qmp_client_open_fd - negotiate on a socket that is connected already
 * @fd: stolen, also by a failure; made non-blocking
 * @greeting_ms: how long to wait for the greeting; QMP_CLIENT_NO_TIMEOUT
 * Return: 0, or -errno with one sentence.
 */
#define QMP_CLIENT_NO_TIMEOUT (INT64_MAX / 2)
int qmp_client_open_fd(int fd, int64_t greeting_ms,
		       struct qmp_client **ret_client,
		       struct smudge_error *err);

/*
 * qmp_client_on_event - have a function called for each event from now on
 * @found: called by the calls that read, with the whole message; it makes no
 *      call for this client. NULL: none
 */
void qmp_client_on_event(struct qmp_client *client,
			 void (*found)(void *opaque, const json_t *event),
			 void *opaque);

/* How long replies are waited for, in place of a minute. */
void qmp_client_set_timeout(struct qmp_client *client, int64_t timeout_ms);

/*
 * qmp_client_run - run one command
 * @arguments: stolen; NULL for none
 * @ret_value: receives the value of "return", a new reference; may be NULL
 * Return: 0, -EREMOTEIO (the other side's sentence in @err), or another
 * -errno with one sentence.
 */
int qmp_client_run(struct qmp_client *client, const char *command,
		   json_t *arguments, json_t **ret_value,
		   struct smudge_error *err);

/*
 * qmp_client_run_fd - the same, with a descriptor beside it (getfd)
 * @fd: borrowed; the other side receives a duplicate
 */
int qmp_client_run_fd(struct qmp_client *client, const char *command,
		      json_t *arguments, int fd, json_t **ret_value,
		      struct smudge_error *err);

#endif
