/* SPDX-License-Identifier: MIT */
/*
 * A connection to a UNIX socket.
 */
#ifndef TOOLS_QMP_CONNECT_H
#define TOOLS_QMP_CONNECT_H

#include <stdint.h>

struct smudge_error;

/* How long a server may take to accept a connection, or to reply. */
#define QMP_TIMEOUT_MS 60000

/*
 * qmp_connect - connect
 * @timeout_ms: how long to try if no server listens on the socket yet
 * @ret_fd: receives it: non-blocking, owned by the caller
 * Return: 0, or -errno with one sentence.
 */
int qmp_connect(const char *path, int64_t timeout_ms, int *ret_fd,
		struct smudge_error *err);

#endif
