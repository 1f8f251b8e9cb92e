/* SPDX-License-Identifier: MIT */
/*
 * What /proc/PID says of a process.
 */
#ifndef TOOLS_CHECKPOINT_PROC_H
#define TOOLS_CHECKPOINT_PROC_H

#include <stddef.h>

#include <sys/types.h>

#include "common/process_stat.h"

struct smudge_error;

/* Bytes of a file; kept for the next read, so that it allocates nothing. */
struct proc_bytes {
	char *bytes; /* owned; a zero byte is behind them */
	size_t length;
	size_t room;
};

/*
 * proc_read - read /proc/PID/FILE as a whole
 * @to: begins as zeros; freed by proc_bytes_free
 *
 * Return: 0, -ESRCH (the process has ended), or another -errno, with one
 * sentence.
 */
int proc_read(pid_t pid, const char *file, struct proc_bytes *to,
	      struct smudge_error *err);
void proc_bytes_free(struct proc_bytes *bytes);

/* Memory of the process. Return: 0, or -errno with one sentence. */
int proc_read_memory(pid_t pid, size_t address, void *to, size_t length,
		     struct smudge_error *err);

/* Fields of /proc/PID/stat, and the ids of /proc/PID/status. */
struct proc_stat {
	struct process_stat process;
	unsigned int uid, gid;
};

/* Return: 0, or -errno with one sentence. */
int proc_read_stat(pid_t pid, struct proc_stat *ret_stat,
		   struct smudge_error *err);

#endif
