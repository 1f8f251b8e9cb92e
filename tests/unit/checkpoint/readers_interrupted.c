/* SPDX-License-Identifier: MIT */
/*
 * A reader waits for a pruner for a minute of the clock, also when signals of
 * its program end each of its sleeps at once.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "checkpoint/folder.h"
#include "checkpoint/readers.h"
#include "folder.h"
#include "support.h"

/* More than the milliseconds of the minute. */
#define NSLEEPS 70000

int __wrap_nanosleep(const struct timespec *span, struct timespec *left);

static unsigned int nsleeps;
static int pruner_fd;

int __wrap_nanosleep(const struct timespec *span, struct timespec *left)
{
	(void)span;
	(void)left;
	if (++nsleeps == NSLEEPS)
		smi_readers_resume(pruner_fd);
	errno = EINTR;
	return -1;
}

static void sleeps_that_signals_end(void **state)
{
	int reader_fd = smi_folder_open(".", NULL);
	struct smudge_error err = SMUDGE_ERROR_INIT;

	pruner_fd = smi_folder_open(".", NULL);
	smi_readers_stop(pruner_fd);
	if (smi_readers_enter(reader_fd, &err) < 0)
		fail_msg("after %u sleeps: %s", nsleeps, err.message);
	assert_int_equal(nsleeps, NSLEEPS);
	assert_true(smi_readers_are_in(pruner_fd, 1));
	close(reader_fd);
	close(pruner_fd);
}

TEST_MAIN_WITH(folder_enter, folder_leave, sleeps_that_signals_end)
