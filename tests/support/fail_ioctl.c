/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program under test: while the file that SMUDGE_FAIL_IOCTL
 * names is there, asking the kernel for dirty pages fails.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KVM_GET_DIRTY_LOG 0x4010ae42ul
#define PAGEMAP_SCAN	  0xc0606610ul

int ioctl(int fd, unsigned long request, ...)
{
	const char *path = getenv("SMUDGE_FAIL_IOCTL");
	va_list list;
	void *argument;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	if ((request == KVM_GET_DIRTY_LOG || request == PAGEMAP_SCAN) && path &&
	    access(path, F_OK) == 0) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_ioctl, fd, request, argument);
}
