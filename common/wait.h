/* SPDX-License-Identifier: MIT */
/*
 * Waits that another descriptor can end, shared by the programs.
 *
 * Every wait for a descriptor goes through here, together with a descriptor
 * that becomes readable when the wait must end: the process ends, or the
 * migration is cancelled.
 */
#ifndef COMMON_WAIT_H
#define COMMON_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#define WAIT_FOR_EVER (-1)

/*
 * wait_ready - wait until a descriptor is ready
 * @fd: borrowed; -1 for none
 * @events: of poll(2)
 * @end_fd: ends the wait once it is readable; -1 for none
 * @timeout_ms: milliseconds, or WAIT_FOR_EVER
 *
 * Blocks: until then. Threads: any.
 * Return: 0 (ready, closed or failed: the next call on @fd says which),
 * -ECANCELED, -ETIMEDOUT, or poll's -errno.
 */
int wait_ready(int fd, short events, int end_fd, int64_t timeout_ms);

/*
 * wait_either - a descriptor that is readable once one of two is
 * @other: -1 for none
 *
 * Return: the descriptor, to be closed, or -errno.
 */
int wait_either(int one, int other);

/* True if @end_fd is readable; false for -1. */
bool wait_is_over(int end_fd);

#endif
