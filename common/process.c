/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/stat, read.
 */
#include "common/process.h"

#include <fcntl.h>
#include <unistd.h>

int process_read_stat(pid_t pid, struct process_stat *ret_stat)
{
	char path[64], text[PROCESS_STAT_TEXT_BYTES];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1); /* all of it, or none */
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	return process_stat_parse(text, ret_stat);
}

const char *process_memory_missing(pid_t pid)
{
	struct process_stat stat;

	if (process_read_stat(pid, &stat))
		return NULL;
	if (stat.flags & PROCESS_IS_KERNEL_THREAD)
		return "is a kernel thread, which has no memory of its own";
	if (stat.state == 'Z')
		return "has ended its first thread: /proc does not show the "
		       "memory of the others";
	return NULL;
}
