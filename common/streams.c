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

/* As they were before. */
static mode_t first_umask = 077;
static void (*first_pipe)(int), (*first_size)(int);

int streams_prepare(void)
{
	static const int modes[] = {O_RDONLY, O_RDONLY, O_RDWR};

	first_umask = umask(077);
	first_pipe = signal(SIGPIPE, SIG_IGN);
	first_size = signal(SIGXFSZ, SIG_IGN);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* the lowest free number is this one */
		if (open("/dev/null", modes[fd] | O_NOCTTY) < 0)
			return -errno;
	}
	return 0;
}

void streams_leave(void)
{
	umask(first_umask);
	signal(SIGPIPE, first_pipe);
	signal(SIGXFSZ, first_size);
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
