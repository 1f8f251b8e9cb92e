/* SPDX-License-Identifier: MIT */
/*
 * Connects to a VNC server, with a time limit, and interruptible by
 * interrupt_end_fd (clock.h).
 */
#ifndef TOOLS_VNC_CONNECT_H
#define TOOLS_VNC_CONNECT_H

#include <stdint.h>

struct smudge_error;

#define VNC_CONNECT_MS INT64_C(10000)

/*
 * vnc_connect - connect to the first address of a host that lets us in
 * @ret_fd: receives the connection, which does not block
 *
 * Return: 0, or -errno with one sentence.
 */
int vnc_connect(const char *host, int port, int *ret_fd,
		struct smudge_error *err);

#endif
