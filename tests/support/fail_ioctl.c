/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program under test: while the file that SMUDGE_FAIL_IOCTL
 * names is there, asking the kernel for dirty pages fails, and so does arming
 * what was fetched from dirty rings. A file that is not empty is for as many
 * failures as it has bytes: each takes one of them, and the last one the file.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KVM_GET_DIRTY_LOG     0x4010ae42ul
#define KVM_RESET_DIRTY_RINGS 0xaec7ul
#define PAGEMAP_SCAN	      0xc0606610ul

static bool may_fail(unsigned long request)
{
	return request == KVM_GET_DIRTY_LOG ||
	       request == KVM_RESET_DIRTY_RINGS || request == PAGEMAP_SCAN;
}

static bool must_fail(const char *path)
{
	struct stat file;

	if (!path || stat(path, &file) != 0)
		return false;
	if (file.st_size == 1)
		return unlink(path) == 0;
	return file.st_size == 0 || truncate(path, file.st_size - 1) == 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *argument;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	if (may_fail(request) && must_fail(getenv("SMUDGE_FAIL_IOCTL"))) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_ioctl, fd, request, argument);
}
