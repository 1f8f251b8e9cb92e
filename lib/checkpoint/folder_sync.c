/* SPDX-License-Identifier: MIT */
/*
 * Temporary names, and flushes.
 */
#include "checkpoint/folder_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PREFIX ".smudge-"
#define DIGITS 16

void smi_folder_temporary_name(uint64_t value, char name[SMI_FOLDER_NAME_BYTES])
{
	snprintf(name, SMI_FOLDER_NAME_BYTES, PREFIX "%016" PRIx64, value);
}

bool smi_folder_is_temporary(const char *name)
{
	size_t length = strlen(PREFIX);

	return strncmp(name, PREFIX, length) == 0 &&
	       strspn(name + length, "0123456789abcdef") == DIGITS &&
	       !name[length + DIGITS];
}

/* A file system in user space may give up for a signal. */
static int flush(int fd, int (*call)(int fd))
{
	int ret;

	do {
		ret = call(fd);
	} while (ret < 0 && errno == EINTR);
	return ret;
}

int smi_folder_sync(int folder_fd)
{
	if (flush(folder_fd, fsync) == 0)
		return 0;
	/* Some network file systems cannot flush a folder alone. */
	return errno == EINVAL ? flush(folder_fd, syncfs) : -1;
}

int smi_folder_sync_parent(int folder_fd)
{
	int fd = openat(folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret, code;

	/* It may be one that this user cannot read. */
	if (fd < 0)
		return flush(folder_fd, syncfs);
	ret = smi_folder_sync(fd);
	code = errno;
	close(fd);
	errno = code;
	return ret;
}
