/* SPDX-License-Identifier: MIT */
/*
 * A wait that is stopped again and again, more often than it is long, ends all
 * the same: the kernel keeps its time, and an injected call does not take it
 * away. (One that began anew after each stop would never end.)
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>

#include "process/target.h"
#include "support.h"

#define WAIT_MS	   400
#define PAUSE_US   10000
#define MAX_STOPS  (10 * WAIT_MS * 1000 / PAUSE_US)
#define TIMEOUT_MS 20000

static const struct timespec limit = {.tv_nsec = WAIT_MS * 1000000L};

static bool by_poll(void)
{
	return poll(NULL, 0, WAIT_MS) == 0;
}

static bool by_ppoll(void)
{
	return ppoll(NULL, 0, &limit, NULL) == 0;
}

static bool by_select(void)
{
	struct timeval time = {.tv_usec = WAIT_MS * 1000};

	return select(0, NULL, NULL, NULL, &time) == 0;
}

static bool by_pselect(void)
{
	return pselect(0, NULL, NULL, NULL, &limit, NULL) == 0;
}

static bool by_nanosleep(void)
{
	return syscall(SYS_nanosleep, &limit, NULL) == 0;
}

static bool by_clock_nanosleep(void)
{
	return clock_nanosleep(CLOCK_MONOTONIC, 0, &limit, NULL) == 0;
}

static struct timespec deadline(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += (at.tv_nsec + limit.tv_nsec) / 1000000000;
	at.tv_nsec = (at.tv_nsec + limit.tv_nsec) % 1000000000;
	return at;
}

static bool by_absolute_nanosleep(void)
{
	struct timespec at = deadline();

	return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == 0;
}

static bool by_futex(void)
{
	int word = 0;

	return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit) < 0 &&
	       errno == ETIMEDOUT;
}

static bool by_absolute_futex(void)
{
	struct timespec at = deadline();
	int word = 0;

	return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &at,
		       NULL, FUTEX_BITSET_MATCH_ANY) < 0 &&
	       errno == ETIMEDOUT;
}

static const struct {
	const char *name;
	bool (*wait)(void);
} waits[] = {
	{"poll", by_poll},
	{"ppoll", by_ppoll},
	{"select", by_select},
	{"pselect", by_pselect},
	{"nanosleep", by_nanosleep},
	{"clock_nanosleep", by_clock_nanosleep},
	{"clock_nanosleep, absolute", by_absolute_nanosleep},
	{"futex", by_futex},
	{"futex, absolute", by_absolute_futex},
};

/* The wait begins when the pipe is closed. */
static pid_t start(bool (*wait)(void), const int begins[2])
{
	char byte;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	close(begins[1]);
	if (read(begins[0], &byte, 1) != 0)
		_exit(2);
	_exit(wait() ? 0 : 1);
}

/* Return: false: it has ended. */
static bool stop_once(struct smi_target *target)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int uffd = -1;
	int ret = smi_target_attach(target, TIMEOUT_MS, &uffd, NULL, &err);

	if (ret == -ESRCH)
		return false;
	if (ret < 0)
		fail_msg("%s", err.message);
	close(uffd);
	usleep(PAUSE_US);
	return true;
}

static void expect_end(const char *name, bool (*wait)(void))
{
	struct smi_target target;
	int begins[2];
	int status = -1;
	int nstops = 0;
	pid_t pid;

	assert_int_equal(pipe2(begins, O_CLOEXEC), 0);
	pid = start(wait, begins);
	assert_int_equal(smi_target_open(pid, &target, NULL), 0);
	close(begins[0]);
	close(begins[1]);
	while (stop_once(&target)) {
		if (++nstops > MAX_STOPS)
			fail_msg("%s does not end in %d stops", name, nstops);
	}
	smi_target_close(&target);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		fail_msg("%s was disturbed: %x", name, status);
}

static void test_time_is_kept(void **state)
{
	test_need_uffd();
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		expect_end(waits[i].name, waits[i].wait);
}

TEST_MAIN(test_time_is_kept)
