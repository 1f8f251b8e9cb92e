/* SPDX-License-Identifier: MIT */
/*
 * The text of /proc/PID/stat and /proc/PID/task/TID/stat, by proc(5).
 */
#ifndef COMMON_PROCESS_STAT_H
#define COMMON_PROCESS_STAT_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Enough for the text: 50 numbers behind a name of 64 bytes at most. */
#define PROCESS_STAT_TEXT_BYTES 2048

/*
 * Of the flags, which are those of the thread whose text it is: PF_EXITING,
 * PF_KTHREAD, PF_FORKNOEXEC, and PF_IO_WORKER and PF_USER_WORKER (Linux 6.4).
 */
#define PROCESS_IS_ENDING	 0x00000004u
#define PROCESS_IS_KERNEL_THREAD 0x00200000u
#define PROCESS_HAS_NOT_EXECUTED 0x00000040u
#define PROCESS_IS_KERNEL_WORKER 0x00004010u

struct process_stat {
	char state; /* R, S, D, T, t, Z, X */
	int parent, group, session;
	unsigned int flags; /* of the kernel's task */
	int nice;
	unsigned long long nthreads;
	unsigned long long start_time_ticks; /* since the boot */
};

/* Return: 0, or -EIO (not the text expected; @ret_stat is undefined). */
static inline int process_stat_parse(const char *text,
				     struct process_stat *ret_stat)
{
	/* The program's name is in brackets, and may have any in itself. */
	const char *behind = strrchr(text, ')');

	if (!behind ||
	    sscanf(behind,
		   ") %c %d %d %d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d "
		   "%*d %d %llu %*d %llu",
		   &ret_stat->state, &ret_stat->parent, &ret_stat->group,
		   &ret_stat->session, &ret_stat->flags, &ret_stat->nice,
		   &ret_stat->nthreads, &ret_stat->start_time_ticks) != 8)
		return -EIO;
	return 0;
}

#endif
