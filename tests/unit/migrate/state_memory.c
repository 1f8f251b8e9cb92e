/* SPDX-License-Identifier: MIT */
/*
 * A state of the largest size needs memory for its size once at each side, not
 * twice: the record is made where the state is, and the state is loaded from
 * where its record was received.
 */
#include "migrate_rig.h"
#include "slow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAP_BYTES    ((size_t)64 << 20)
#define STATE_BYTES  (CAP_BYTES - 4 - 7) /* with its name it fills the cap */
#define CAP_KIB	     (long)(CAP_BYTES >> 10)
#define OTHER_KIB    16384L /* page records, bitmaps, stacks */
#define EXIT_SKIPPED 77

/* The most memory that was resident since forget_peak, in KiB; -1: unknown. */
static long peak_kib(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	long kib = -1;

	while (file && kib < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "VmHWM: %ld", &kib);
	if (file)
		fclose(file);
	return kib;
}

static bool forget_peak(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "5", 1) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

/* A child does not use its parent's memory, only the connection. */
static void open_own(struct rig *rig)
{
	int fds[2] = {rig->fds[0], rig->fds[1]};

	*rig = (struct rig){
		.page_shift = 12, .npages = {16, 4}, .rounds_wanted = 1};
	rig_open(rig, "largest_state");
	rig->state_bytes = STATE_BYTES;
	for (int i = 0; i < 2; i++) {
		close(rig->fds[i]);
		rig->fds[i] = fds[i];
	}
}

/* One side in a process of its own. Return: what it adds to its peak. */
static pid_t start_side(struct rig *rig, bool is_sender)
{
	pid_t pid = fork();
	long before;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	open_own(rig);
	if (!forget_peak())
		_exit(EXIT_SKIPPED);
	before = peak_kib();
	if (is_sender) {
		close(rig->fds[1]);
		rig->send_error = rig_send(rig, NULL);
	} else {
		close(rig->fds[0]);
		rig_start_receiver(rig);
		rig_join_receiver(rig);
	}
	if (rig->send_error || rig->receive_error ||
	    rig->state_is_right == is_sender)
		_exit(1);
	_exit(peak_kib() - before < CAP_KIB + OTHER_KIB ? 0 : 2);
}

static void largest_state(void **state)
{
	struct rig rig = {.page_shift = 12, .npages = {16, 4}};
	pid_t pids[2];
	int status[2];

	if (TEST_HAS_ASAN || TEST_HAS_TSAN) {
		test_skip_without("memory", "a sanitizer's own memory counts");
		return;
	}
	rig.rounds_wanted = 1;
	rig_open(&rig, "largest_state");
	rig.state_bytes = STATE_BYTES;
	for (int i = 0; i < 2; i++)
		pids[i] = start_side(&rig, i == 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(waitpid(pids[i], &status[i], 0), pids[i]);
	rig_close(&rig);
	if (WEXITSTATUS(status[0]) == EXIT_SKIPPED) {
		test_skip_without("clear_refs", "peaks cannot be forgotten");
		return;
	}
	assert_int_equal(status[0], 0);
	assert_int_equal(status[1], 0);
}

TEST_MAIN(largest_state)
