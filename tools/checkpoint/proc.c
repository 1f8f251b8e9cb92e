/* SPDX-License-Identifier: MIT */
/*
 * Files of /proc.
 */
#include "checkpoint/proc.h"

#include <smudge/error.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define NAME	   "checkpoint"
#define FIRST_ROOM ((size_t)64 << 10)
#define MAX_BYTES  ((size_t)64 << 20)

static int fail(pid_t pid, const char *file, int code, struct smudge_error *err)
{
	if (code == -ENOENT || code == -ESRCH)
		return smudge_error_set(err, -ESRCH, NAME,
					"process %d has ended", (int)pid);
	return smudge_error_set(err, code, NAME, "cannot read /proc/%d/%s: %s",
				(int)pid, file, strerror(-code));
}

static int grow(struct proc_bytes *to)
{
	size_t room = to->room ? 2 * to->room : FIRST_ROOM;
	char *bytes;

	if (room > MAX_BYTES)
		return -EFBIG;
	bytes = realloc(to->bytes, room);
	if (!bytes)
		return -ENOMEM;
	to->bytes = bytes;
	to->room = room;
	return 0;
}

/* Return: 0 or -errno. */
static int read_all(int fd, struct proc_bytes *to)
{
	to->length = 0;
	for (;;) {
		int ret = to->length + 1 < to->room ? 0 : grow(to);
		ssize_t n;

		if (ret)
			return ret;
		n = read(fd, to->bytes + to->length, to->room - to->length - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		to->length += (size_t)n;
		to->bytes[to->length] = '\0';
		if (n == 0)
			return 0;
	}
}

int proc_read(pid_t pid, const char *file, struct proc_bytes *to,
	      struct smudge_error *err)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(pid, file, -errno, err);
	ret = read_all(fd, to);
	close(fd);
	return ret ? fail(pid, file, ret, err) : 0;
}

void proc_bytes_free(struct proc_bytes *bytes)
{
	free(bytes->bytes);
	*bytes = (struct proc_bytes){0};
}

int proc_read_memory(pid_t pid, size_t address, void *to, size_t length,
		     struct smudge_error *err)
{
	struct iovec ours = {.iov_base = to, .iov_len = length};
	struct iovec theirs = {.iov_base = (void *)address, .iov_len = length};
	ssize_t n = process_vm_readv(pid, &ours, 1, &theirs, 1, 0);

	if (n == (ssize_t)length)
		return 0;
	return fail(pid, "mem", n < 0 ? -errno : -EFAULT, err);
}

static int parse_ids(const char *text, struct proc_stat *stat)
{
	const char *uid = strstr(text, "\nUid:");
	const char *gid = strstr(text, "\nGid:");

	if (!uid || !gid || sscanf(uid, " Uid: %u", &stat->uid) != 1 ||
	    sscanf(gid, " Gid: %u", &stat->gid) != 1)
		return -EIO;
	return 0;
}

int proc_read_stat(pid_t pid, struct proc_stat *ret_stat,
		   struct smudge_error *err)
{
	struct proc_bytes text = {0};
	struct proc_stat stat = {0};
	int ret = proc_read(pid, "stat", &text, err);

	if (!ret && process_stat_parse(text.bytes, &stat.process))
		ret = fail(pid, "stat", -EIO, err);
	if (!ret)
		ret = proc_read(pid, "status", &text, err);
	if (!ret && parse_ids(text.bytes, &stat))
		ret = fail(pid, "status", -EIO, err);
	proc_bytes_free(&text);
	if (!ret)
		*ret_stat = stat;
	return ret;
}
