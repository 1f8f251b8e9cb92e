/* SPDX-License-Identifier: MIT */
/*
 * Waits with a time limit that are made again after a stop (interrupted.h)
 * begin anew each time. In a series of stops that are closer than the limit
 * such a wait would never end. So when a thread has been met in one call at
 * stop after stop for the whole of its limit, it gets the result of a limit
 * that is over.
 */
#ifndef LIB_PROCESS_WAITED_H
#define LIB_PROCESS_WAITED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A call that would be made again. */
struct smi_wait {
	uint64_t call; /* its number */
	uint64_t arguments[6];
	uint64_t ip, stack; /* addresses */
};

/*
 * smi_waited_is_over - note it, of a thread that has just stopped
 * @ret_result: receives what the call returns if its time is over
 *
 * Nothing is allocated. Whether it is the call of the last stop is told by how
 * often the thread ran since: once to begin it anew, and once to stop. (An
 * event that ends it at once, followed by the same call, looks the same: that
 * one may end early, without an event.) Return: is its time over?
 */
bool smi_waited_is_over(pid_t pid, pid_t tid, const struct smi_wait *wait,
			int64_t *ret_result);

#endif
