/* SPDX-License-Identifier: MIT */
/*
 * The standard streams, and the signals that writing can raise.
 */
#include "common/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int streams_prepare(void)
{
	static const int modes[] = {O_RDONLY, O_RDONLY, O_RDWR};

	umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* the lowest free number is this one */
		if (open("/dev/null", modes[fd] | O_NOCTTY) < 0)
			return -errno;
	}
	return 0;
}

/* The stream remembers that it failed, but not why. */
static int first_failure;

void streams_flush(void)
{
	if (fflush(stdout) != 0 && !first_failure)
		first_failure = -errno;
}

int streams_finish(void)
{
	streams_flush();
	if (first_failure)
		return first_failure;
	return ferror(stdout) ? -EIO : 0;
}
