/* SPDX-License-Identifier: MIT */
/*
 * Whole writes to the file of an image.
 */
#include "qcow2/output.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

struct held_signal {
	sigset_t callers; /* the thread's mask before */
	bool was_pending; /* before: not ours to take */
};

static void hold_signal(struct held_signal *held, sigset_t *too_large)
{
	sigset_t pending;

	sigemptyset(too_large);
	sigaddset(too_large, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, too_large, &held->callers);
	sigpending(&pending);
	held->was_pending = sigismember(&pending, SIGXFSZ);
}

/* @ret: of the write in between */
static void release_signal(const struct held_signal *held,
			   const sigset_t *too_large, int ret)
{
	const struct timespec no_wait = {0};

	if (ret == -EFBIG && !held->was_pending)
		(void)sigtimedwait(too_large, NULL, &no_wait);
	pthread_sigmask(SIG_SETMASK, &held->callers, NULL);
}

/* Leave out the first @bytes of the pieces. */
static void use_up(struct iovec **pieces, size_t *npieces, size_t bytes)
{
	while (*npieces && bytes >= (*pieces)->iov_len) {
		bytes -= (*pieces)->iov_len;
		(*pieces)++;
		(*npieces)--;
	}
	if (bytes) {
		(*pieces)->iov_base = (char *)(*pieces)->iov_base + bytes;
		(*pieces)->iov_len -= bytes;
	}
}

static int write_all(int fd, struct iovec *pieces, size_t npieces, uint64_t off)
{
	use_up(&pieces, &npieces, 0);
	while (npieces) {
		ssize_t n = pwritev(fd, pieces, (int)npieces, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		off += (uint64_t)n;
		use_up(&pieces, &npieces, (size_t)n);
	}
	return 0;
}

int smi_qcow2_output_write(const struct smi_qcow2_output *output,
			   struct iovec *pieces, size_t npieces, uint64_t off)
{
	struct held_signal held;
	sigset_t too_large;
	int ret;

	hold_signal(&held, &too_large);
	ret = write_all(output->fd, pieces, npieces, off);
	release_signal(&held, &too_large, ret);
	return ret;
}

int smi_qcow2_output_write_bytes(const struct smi_qcow2_output *output,
				 const void *bytes, size_t length, uint64_t off)
{
	struct iovec piece = {.iov_base = (void *)bytes, .iov_len = length};

	return smi_qcow2_output_write(output, &piece, 1, off);
}
