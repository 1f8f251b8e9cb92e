/* SPDX-License-Identifier: MIT */
/*
 * Waiting for descriptors until a deadline or a cancel.
 */
#ifndef LIB_STREAM_WAIT_H
#define LIB_STREAM_WAIT_H

#include <poll.h>
#include <stdint.h>

/*
 * smi_wait - poll() with a deadline; signals do not end it
 * @fds: of a cancel in fds[0], which becomes readable (-1: none); then those
 *       that are waited for (none: sleep)
 * @deadline_ns: of smi_sys_now_ns(); one that has passed means one look
 *
 * Return: 1 (some of @fds have revents), 0 at the deadline, -ECANCELED, or the
 * -errno of ppoll().
 */
int smi_wait(struct pollfd *fds, nfds_t nfds, uint64_t deadline_ns);

#endif
