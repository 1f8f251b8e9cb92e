/* SPDX-License-Identifier: MIT */
/*
 * map_files first, then all descriptors.
 */
#include "sys/mapped_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static bool is_file_of(const struct stat *st, const struct smi_sys_mapping *m)
{
	return st->st_ino == m->inode && major(st->st_dev) == m->dev_major &&
	       minor(st->st_dev) == m->dev_minor && S_ISREG(st->st_mode);
}

/*
 * Opening a device would have an effect, so its type comes first. Another
 * mapping, or descriptor, may have the name since.
 */
static int open_if_same(int dir, const char *name,
			const struct smi_sys_mapping *m)
{
	struct stat st;
	int fd;

	if (fstatat(dir, name, &st, 0) < 0 || !is_file_of(&st, m))
		return -1;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !is_file_of(&st, m))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int open_descriptor(int proc, const struct smi_sys_mapping *m)
{
	int dir = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = dir < 0 ? NULL : fdopendir(dir);
	struct dirent *entry;
	int fd = -1;

	if (!names && dir >= 0)
		close(dir);
	while (names && fd < 0 && (entry = readdir(names)))
		fd = open_if_same(dirfd(names), entry->d_name, m);
	if (names)
		closedir(names);
	return fd;
}

static int open_in(int proc, const struct smi_sys_mapping *m)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, m->start,
		 m->end);
	fd = open_if_same(proc, name, m);
	return fd >= 0 ? fd : open_descriptor(proc, m);
}

int smi_sys_mapped_file_open(int proc, const struct smi_sys_mapping *m)
{
	int self, fd;

	if (proc >= 0)
		return open_in(proc, m);
	self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (self < 0)
		return -1;
	fd = open_in(self, m);
	close(self);
	return fd;
}
