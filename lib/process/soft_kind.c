/* SPDX-License-Identifier: MIT */
/*
 * In shared memory the kernel forgets the bit of a page that it unmaps, and
 * pages of hugetlbfs have none. Whether a private file is of hugetlbfs is asked
 * of the file; if it cannot be reached, it counts as one.
 */
#include "process/soft_kind.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define HUGETLBFS 0x958458f6

/* Below the process's own root, which need not be ours. */
static int open_file(int proc, const char *name)
{
	int root = openat(proc, "root", O_PATH | O_CLOEXEC);
	int fd = -1;

	if (root >= 0 && name[0] == '/' && name[1])
		fd = openat(root, name + 1, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (root >= 0)
		close(root);
	return fd;
}

static bool is_plain_file(int proc, const struct smi_area *area)
{
	int fd = open_file(proc, area->name);
	struct statfs fs;
	struct stat st;
	bool is_plain = fd >= 0 && fstat(fd, &st) == 0 &&
			fstatfs(fd, &fs) == 0 &&
			st.st_ino == area->object.inode &&
			major(st.st_dev) == area->object.dev_major &&
			minor(st.st_dev) == area->object.dev_minor &&
			(unsigned long)fs.f_type != HUGETLBFS;

	if (fd >= 0)
		close(fd);
	return is_plain;
}

enum smi_soft_kind smi_soft_kind_of(int proc, const struct smi_area *area)
{
	if (area->object.is_shared)
		return SMI_SOFT_UNKNOWN;
	if (!area->object.has_file)
		return SMI_SOFT_ANONYMOUS;
	return is_plain_file(proc, area) ? SMI_SOFT_PRIVATE_FILE
					 : SMI_SOFT_UNKNOWN;
}
