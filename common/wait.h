/* SPDX-License-Identifier: MIT */
/*
 * Waits that can be cut short, shared by the programs.
 *
 * Every wait for a descriptor goes through here, together with a descriptor
 * that becomes readable when the wait is wanted no more: the end of the
 * process, or the cancel of a migration.
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
 * @end_fd: cuts the wait short once it is readable; -1 for none
 * @timeout_ms: milliseconds, or WAIT_FOR_EVER
 *
 * Blocks: as said. Threads: any.
 * Return: 0 (ready, closed or failed: the next call on @fd says which),
 * -ECANCELED, -ETIMEDOUT, or poll's -errno.
 */
int wait_ready(int fd, short events, int end_fd, int64_t timeout_ms);

/* True when @end_fd is readable; false for -1. */
bool wait_is_over(int end_fd);

#endif
