/* SPDX-License-Identifier: MIT */
/*
 * A countdown for each call on files.
 */
#include "fail_files.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>

int __real_fsync(int fd);
int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to,
		     unsigned int flags);
int __real_unlinkat(int fd, const char *name, int flags);
int __real_linkat(int from_fd, const char *from, int to_fd, const char *to,
		  int flags);
int __wrap_fsync(int fd);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to,
		     unsigned int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);
int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to,
		  int flags);

static _Thread_local struct {
	unsigned int countdown; /* 0: none; 1: the next one; UINT_MAX: all */
	int error;
} calls[FAIL_FILES_CALLS];

void fail_files_at(enum fail_files_call call, unsigned int n, int error)
{
	calls[call].countdown = n;
	calls[call].error = error;
}

void fail_files_always(enum fail_files_call call, int error)
{
	fail_files_at(call, error ? UINT_MAX : 0, error);
}

static bool fails(enum fail_files_call call)
{
	if (calls[call].countdown == 0)
		return false;
	if (calls[call].countdown != UINT_MAX && --calls[call].countdown > 0)
		return false;
	errno = calls[call].error;
	return true;
}

int __wrap_fsync(int fd)
{
	return fails(FAIL_FSYNC) ? -1 : __real_fsync(fd);
}

int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to,
		     unsigned int flags)
{
	return fails(FAIL_RENAMEAT2)
		       ? -1
		       : __real_renameat2(from_fd, from, to_fd, to, flags);
}

int __wrap_unlinkat(int fd, const char *name, int flags)
{
	return fails(FAIL_UNLINKAT) ? -1 : __real_unlinkat(fd, name, flags);
}

int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to,
		  int flags)
{
	return fails(FAIL_LINKAT)
		       ? -1
		       : __real_linkat(from_fd, from, to_fd, to, flags);
}
