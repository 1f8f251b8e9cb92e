/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/stat and /proc/PID/status, read.
 */
#include "common/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "common/clock.h"

#define POLL_MS 10

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

/* Each thread of a process that is killed has the signal. */
static bool is_killed(pid_t pid)
{
	unsigned long long pending = 0;
	char path[64], line[256];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	in = fopen(path, "re");
	if (!in)
		return false;
	while (fgets(line, sizeof(line), in))
		if (sscanf(line, "SigPnd: %llx", &pending) == 1)
			break;
	fclose(in);
	return pending >> (SIGKILL - 1) & 1;
}

bool process_is_ending(pid_t pid)
{
	struct process_stat stat;

	/* in this order: the flag follows the signal */
	if (is_killed(pid))
		return true;
	return !process_read_stat(pid, &stat) && stat.flags & PROCESS_IS_ENDING;
}

bool process_wait_ending(pid_t pid, int pidfd, int max_ms,
			 bool (*is_over)(void))
{
	const int64_t until_ns = clock_now_ns() + max_ms * CLOCK_NS_PER_MS;
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};

	while (poll(&wait, 1, 0) == 0 && !(is_over && is_over()) &&
	       clock_now_ns() < until_ns && process_is_ending(pid))
		(void)poll(&wait, 1, POLL_MS);
	return poll(&wait, 1, 0) == 1;
}
