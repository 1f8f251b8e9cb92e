/* SPDX-License-Identifier: MIT */
/*
 * The wait for a process whose memory has gone: signals of the program's own do
 * not end it early.
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "process/target.h"
#include "storm.h"
#include "support.h"

static int end_fd;

static void end_it(unsigned long number)
{
	const uint64_t one = 1;

	if (number == 3)
		(void)!write(end_fd, &one, sizeof(one));
}

static bool is_seen_among_signals(void)
{
	struct smi_target target = {0};
	struct storm storm;
	bool is_seen;

	end_fd = eventfd(0, EFD_CLOEXEC);
	assert_true(end_fd >= 0);
	target.pidfd = end_fd;
	storm_begin(&storm, 2000, end_it);
	is_seen = smi_target_ends(&target);
	storm_end(&storm);
	close(end_fd);
	return is_seen;
}

/* It does not wait for ever: where the machine stands still, it is again. */
static void an_end_among_signals(void **state)
{
	int ntries = 1;

	while (!is_seen_among_signals())
		assert_true(++ntries <= 10);
}

static void no_end(void **state)
{
	struct smi_target target = {.pidfd = eventfd(0, EFD_CLOEXEC)};

	assert_false(smi_target_ends(&target));
	close(target.pidfd);
}

TEST_MAIN(an_end_among_signals, no_end)
