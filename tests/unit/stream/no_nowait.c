/* SPDX-License-Identifier: MIT */
/*
 * A kernel before Linux 6.4, where pipes do not know RWF_NOWAIT.
 */
#include <errno.h>
#include <sys/uio.h>

ssize_t __wrap_pwritev2(int fd, const struct iovec *pieces, int n, off_t at,
			int flags);
ssize_t __wrap_pwritev64v2(int fd, const struct iovec *pieces, int n, off_t at,
			   int flags);

ssize_t __wrap_pwritev2(int fd, const struct iovec *pieces, int n, off_t at,
			int flags)
{
	errno = EOPNOTSUPP;
	return -1;
}

ssize_t __wrap_pwritev64v2(int fd, const struct iovec *pieces, int n, off_t at,
			   int flags)
{
	return __wrap_pwritev2(fd, pieces, n, at, flags);
}
