/* SPDX-License-Identifier: MIT */
/*
 * Calls that are counted, and of which some fail.
 */
#include "fail_writes.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

ssize_t __real_pwritev64(int fd, const struct iovec *pieces, int npieces,
			 off_t off);
int __real_fsync(int fd);
int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to,
		     unsigned int flags);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *), void *opaque);
ssize_t __wrap_pwritev64(int fd, const struct iovec *pieces, int npieces,
			 off_t off);
int __wrap_fsync(int fd);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to,
		     unsigned int flags);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *), void *opaque);

static struct {
	atomic_uint calls, first, end;
	atomic_int error;
} counts[FAIL_WRITE_CALLS];

/* Set while nothing is written. */
static struct {
	void (*see)(void *opaque);
	void *opaque;
} watcher;

void fail_writes_watch(void (*see)(void *opaque), void *opaque)
{
	watcher.see = see;
	watcher.opaque = opaque;
}

void fail_writes_at(enum fail_write call, unsigned int n, unsigned int times,
		    int error)
{
	atomic_store(&counts[call].calls, 0);
	atomic_store(&counts[call].first, n);
	atomic_store(&counts[call].end, n + times);
	atomic_store(&counts[call].error, error);
}

unsigned int fail_writes_calls(enum fail_write call)
{
	return atomic_load(&counts[call].calls);
}

/* Return: the error, or 0. */
static int fails(enum fail_write call)
{
	unsigned int n = atomic_fetch_add(&counts[call].calls, 1) + 1;

	if (n < atomic_load(&counts[call].first) ||
	    n >= atomic_load(&counts[call].end))
		return 0;
	errno = atomic_load(&counts[call].error);
	return errno;
}

ssize_t __wrap_pwritev64(int fd, const struct iovec *pieces, int npieces,
			 off_t off)
{
	if (watcher.see)
		watcher.see(watcher.opaque);
	return fails(FAIL_WRITE_PWRITEV)
		       ? -1
		       : __real_pwritev64(fd, pieces, npieces, off);
}

int __wrap_fsync(int fd)
{
	return fails(FAIL_WRITE_FSYNC) ? -1 : __real_fsync(fd);
}

int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to,
		     unsigned int flags)
{
	return fails(FAIL_WRITE_RENAME)
		       ? -1
		       : __real_renameat2(from_fd, from, to_fd, to, flags);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *), void *opaque)
{
	int ret = fails(FAIL_WRITE_THREAD);

	return ret ? ret : __real_pthread_create(thread, attr, run, opaque);
}
