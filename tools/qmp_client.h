/* SPDX-License-Identifier: MIT */
/*
 * A QMP client: connect to a UNIX socket, negotiate, run commands.
 *
 * Events are read and dropped. One thread uses a client. A reply is waited
 * for a minute at most, and so is a server that lets no one in; all waits end
 * by interrupt_end_fd (clock.h), and the client is of no use then, since a
 * reply left unread would be taken for the next one's.
 */
#ifndef TOOLS_QMP_CLIENT_H
#define TOOLS_QMP_CLIENT_H

#include <stdint.h>

#include <jansson.h>

struct qmp_client;
struct smudge_error;

/*
 * qmp_client_open - connect and negotiate
 * @timeout_ms: a socket that nobody listens on yet is tried for so long
 * Return: 0, or -errno with one sentence.
 */
int qmp_client_open(const char *path, int64_t timeout_ms,
		    struct qmp_client **ret, struct smudge_error *err);
void qmp_client_close(struct qmp_client *client); /* NULL is fine */

/*
 * qmp_client_run - run one command
 * @arguments: stolen; NULL for none
 * @ret: receives what "return" holds, a new reference; NULL when unwanted
 * Return: 0, -EREMOTEIO (the other side's sentence in @err), or another
 * -errno with one sentence.
 */
int qmp_client_run(struct qmp_client *client, const char *command,
		   json_t *arguments, json_t **ret, struct smudge_error *err);

#endif
