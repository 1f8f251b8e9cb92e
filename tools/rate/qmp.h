/* SPDX-License-Identifier: MIT */
/*
 * The machine behind a QMP socket: its process, and its guest's name.
 */
#ifndef TOOLS_RATE_QMP_H
#define TOOLS_RATE_QMP_H

#include <sys/types.h>

#include "rate/name.h"

struct smudge_error;

/*
 * rate_qmp_ask - ask, and leave the socket at once
 * @name: receives the guest's name, or "" if it has none
 *
 * Return: 0, or -errno with one sentence: -EBUSY (the socket serves another
 * client; the sentence names the process).
 */
int rate_qmp_ask(const char *path, pid_t *ret_pid, char name[RATE_NAME_BYTES],
		 struct smudge_error *err);

#endif
