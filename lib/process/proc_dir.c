/* SPDX-License-Identifier: MIT */
/*
 * Opening and reading files of /proc/PID.
 */
#include "process/proc_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/range.h"

#define FIRST_BYTES 65536

int smi_proc_dir_open(pid_t pid)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d", (int)pid);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT && access("/proc/self", F_OK) == 0)
		return -ESRCH;
	return -errno;
}

/* Append until the end of the file. @*room holds one byte for the 0. */
static int read_all(int fd, size_t max_bytes, char **text, size_t *length)
{
	size_t room = 0;
	ssize_t n = 1;

	while (n > 0) {
		if (room - *length < 2) {
			char *grown;

			room = max_u64(2 * room, FIRST_BYTES);
			if (*length > max_bytes)
				return -EFBIG;
			grown = realloc(*text, room);
			if (!grown)
				return -ENOMEM;
			*text = grown;
		}
		do {
			n = read(fd, *text + *length, room - *length - 1);
		} while (n < 0 && errno == EINTR);
		if (n > 0)
			*length += (size_t)n;
	}
	if (n < 0)
		return -errno;
	(*text)[*length] = '\0';
	return 0;
}

int smi_proc_dir_read(int proc, const char *name, size_t max_bytes,
		      char **ret_text, size_t *ret_length)
{
	int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	size_t length = 0;
	int ret;

	if (fd < 0)
		ret = -errno;
	else
		ret = read_all(fd, max_bytes, &text, &length);
	if (fd >= 0)
		close(fd);
	if (ret < 0) {
		free(text);
		/* The directory stays, its files go with the process. */
		return ret == -ENOENT ? -ESRCH : ret == -EACCES ? -EPERM : ret;
	}
	*ret_text = text;
	*ret_length = length;
	return 0;
}
