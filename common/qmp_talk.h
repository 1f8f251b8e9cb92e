/* SPDX-License-Identifier: MIT */
/*
 * A short talk with a QMP server: connect, greet, run a command or two, leave.
 */
#ifndef COMMON_QMP_TALK_H
#define COMMON_QMP_TALK_H

#include <stdint.h>

#include <jansson.h>

struct qmp_talk;
struct smudge_error;

/*
 * qmp_talk_open - connect and negotiate
 * @end_fd: ends all waits of the talk once it is readable; -1: none
 * @timeout_ns: of the whole talk, from now on; 0: none
 * @ret: receives it, ended by qmp_talk_close
 *
 * Return: 0, -ETIMEDOUT, -ECANCELED, -EPROTO (it does not greet as QMP does),
 * -ENOENT, -ECONNREFUSED, -ENAMETOOLONG, -ENOMEM, or another -errno of a
 * socket, with one sentence.
 */
int qmp_talk_open(const char *socket_path, int end_fd, uint64_t timeout_ns,
		  struct qmp_talk **ret, struct smudge_error *err);

/*
 * qmp_talk_run - run a command
 * @arguments: stolen; NULL for none
 * @ret_value: receives a new reference to what it returned; may be NULL
 *
 * Return: 0, -EREMOTEIO (refused: the other side's sentence), -ECONNRESET,
 * -EMSGSIZE (a reply of more than 16 MiB), or as qmp_talk_open.
 */
int qmp_talk_run(struct qmp_talk *talk, const char *command, json_t *arguments,
		 json_t **ret_value, struct smudge_error *err);

/* NULL is fine. */
void qmp_talk_close(struct qmp_talk *talk);

#endif
