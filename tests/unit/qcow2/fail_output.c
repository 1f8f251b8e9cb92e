/* SPDX-License-Identifier: MIT */
/*
 * pwritev() of a test.
 */
#include "fail_output.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <sys/uio.h>

static atomic_uint count, fails_at, error_of_write;
static atomic_bool is_short;

ssize_t __real_pwritev64(int fd, const struct iovec *pieces, int npieces,
			 off_t off);
ssize_t __wrap_pwritev64(int fd, const struct iovec *pieces, int npieces,
			 off_t off);

void fail_output_at(unsigned int n, int error)
{
	atomic_store(&error_of_write, (unsigned int)error);
	atomic_store(&count, 0);
	atomic_store(&fails_at, n);
}

unsigned int fail_output_count(void)
{
	return atomic_load(&count);
}

void fail_output_short(bool now)
{
	atomic_store(&is_short, now);
}

/* Half of the first piece, or the first piece and half of the second one. */
static ssize_t write_part(int fd, const struct iovec *pieces, int npieces,
			  off_t off, unsigned int number)
{
	struct iovec part[2] = {pieces[0], {0}};
	int n = npieces > 1 && number % 2 ? 2 : 1;

	if (n == 2)
		part[1] = pieces[1];
	if (part[n - 1].iov_len > 1)
		part[n - 1].iov_len = part[n - 1].iov_len / 2 + 1;
	return __real_pwritev64(fd, part, n, off);
}

ssize_t __wrap_pwritev64(int fd, const struct iovec *pieces, int npieces,
			 off_t off)
{
	unsigned int number = atomic_fetch_add(&count, 1) + 1;
	unsigned int fails = atomic_load(&fails_at);

	if (fails && number >= fails) {
		errno = (int)atomic_load(&error_of_write);
		return -1;
	}
	if (!atomic_load(&is_short))
		return __real_pwritev64(fd, pieces, npieces, off);
	if (number % 3 == 0) {
		errno = EINTR;
		return -1;
	}
	return write_part(fd, pieces, npieces, off, number);
}
