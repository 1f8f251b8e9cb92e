/* SPDX-License-Identifier: MIT */
/*
 * Texts of /proc are read with read(2) into buffers of the caller.
 */
#include "process/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/process_stat.h"

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

int smi_proc_open(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open_file(path);
}

int smi_proc_open_thread(pid_t pid, pid_t tid, const char *name)
{
	char path[80];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)pid, (int)tid,
		 name);
	return open_file(path);
}

static ssize_t read_some(int fd, char *to, size_t nbytes)
{
	ssize_t n;

	do {
		n = read(fd, to, nbytes);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

long smi_proc_read(int fd, char *text, size_t size_bytes)
{
	size_t length = 0;
	ssize_t n = 1;

	if (fd < 0)
		return fd;
	while (n > 0 && length < size_bytes - 1) {
		n = read_some(fd, text + length, size_bytes - 1 - length);
		if (n > 0)
			length += (size_t)n;
	}
	close(fd);
	text[length] = '\0';
	return n < 0 ? n : (long)length;
}

uint64_t smi_proc_number(const char *text, const char *key, int base,
			 uint64_t otherwise)
{
	size_t length = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, length) && line[length] == ':')
			return strtoull(line + length + 1, NULL, base);
	}
	return otherwise;
}

static int parse_stat(const char *text, struct smi_proc_stat *ret_stat)
{
	struct process_stat stat;
	int ret = process_stat_parse(text, &stat);

	if (ret)
		return ret;
	*ret_stat = (struct smi_proc_stat){
		.state = stat.state,
		.is_kernel_thread = stat.flags & PROCESS_IS_KERNEL_THREAD,
		.is_kernel_worker = stat.flags & PROCESS_IS_KERNEL_WORKER,
		.has_executed = !(stat.flags & PROCESS_HAS_NOT_EXECUTED),
		.nthreads = stat.nthreads,
		.start_time = stat.start_time_ticks,
	};
	return 0;
}

int smi_proc_stat(pid_t pid, pid_t tid, struct smi_proc_stat *ret_stat)
{
	char text[1024];
	long n = smi_proc_read(smi_proc_open_thread(pid, tid, "stat"), text,
			       sizeof(text));

	return n < 0 ? (int)n : parse_stat(text, ret_stat);
}

/* Make room behind what is not used yet. Return: were there more bytes? */
static bool fill(struct smi_proc_lines *lines)
{
	size_t left = lines->nbytes - lines->at;
	ssize_t n;

	memmove(lines->buffer, lines->buffer + lines->at, left);
	lines->at = 0;
	lines->nbytes = left;
	n = read_some(lines->fd, lines->buffer + left,
		      sizeof(lines->buffer) - left);
	if (n > 0)
		lines->nbytes += (size_t)n;
	return n > 0;
}

char *smi_proc_next_line(struct smi_proc_lines *lines)
{
	for (;;) {
		char *line = lines->buffer + lines->at;
		char *end = memchr(line, '\n', lines->nbytes - lines->at);

		if (end) {
			*end = '\0';
			lines->at += (size_t)(end - line) + 1;
			return line;
		}
		if (!fill(lines))
			return NULL;
	}
}

bool smi_proc_has_children(pid_t pid, pid_t tid)
{
	char text[16];

	return smi_proc_read(smi_proc_open_thread(pid, tid, "children"), text,
			     sizeof(text)) > 0;
}
