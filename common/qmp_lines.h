/* SPDX-License-Identifier: MIT */
/*
 * QMP as a client sees it: messages over a socket, one per line, which every
 * QMP server writes. What is said, and what becomes of events, is the caller's.
 */
#ifndef COMMON_QMP_LINES_H
#define COMMON_QMP_LINES_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct smudge_error;

struct qmp_lines {
	int fd;		  /* a non-blocking socket; or -1 */
	size_t max_bytes; /* of a message that comes */
	char *bytes;	  /* room_bytes of them, owned */
	size_t room_bytes;
	size_t nbytes; /* read, and in no message yet */
};

/* How long a call waits. */
struct qmp_patience {
	int64_t deadline_ns; /* of common/clock.h; INT64_MAX: none */
	int end_fd;	     /* ends the wait once it is readable; -1: none */
};

/* @fd: stolen. */
void qmp_lines_begin(struct qmp_lines *lines, int fd, size_t max_bytes);
void qmp_lines_end(struct qmp_lines *lines);

/*
 * qmp_lines_command - send a command
 * @arguments: stolen; NULL for none
 * @fd: a descriptor that goes with it, borrowed; -1: none
 *
 * Return: 0, -ETIMEDOUT, -ECANCELED (by end_fd), -ENOMEM, or another -errno of
 * a socket.
 */
int qmp_lines_command(struct qmp_lines *lines, const char *command,
		      json_t *arguments, int fd, struct qmp_patience patience);

/*
 * qmp_lines_read - the next message
 * @ret_message: receives a new reference
 *
 * Return: 0, -EPROTO (it is no JSON), -EMSGSIZE, -ECONNRESET (closed), or as
 * qmp_lines_command.
 */
int qmp_lines_read(struct qmp_lines *lines, struct qmp_patience patience,
		   json_t **ret_message);

/* The same for the greeting: -EPROTO if it is none. */
int qmp_lines_greet(struct qmp_lines *lines, struct qmp_patience patience);

/*
 * qmp_open_reply - the value in a reply
 * @reply: stolen
 * @ret_value: receives a new reference; may be NULL
 *
 * Return: 0, -EREMOTEIO (the other side's sentence in @err).
 */
int qmp_open_reply(json_t *reply, json_t **ret_value, struct smudge_error *err);

#endif
