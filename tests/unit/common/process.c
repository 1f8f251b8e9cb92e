/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/stat is read whatever the name in it, and kernel threads and
 * processes without a first thread are told from others.
 */
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static void others_have_memory(void **state)
{
	assert_null(process_memory_missing(getpid()));
	assert_null(process_memory_missing(INT32_MAX)); /* there is none */
}

static void *wait_for_end(void *opaque)
{
	for (;;)
		pause();
	return opaque;
}

/* Its first thread ends, another one stays. */
static _Noreturn void end_first_thread(void)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pthread_create(&thread, NULL, wait_for_end, NULL) != 0)
		_exit(1);
	syscall(SYS_exit, 0);
	_exit(1);
}

static char state_of(pid_t pid)
{
	struct process_stat stat;

	assert_int_equal(process_read_stat(pid, &stat), 0);
	return stat.state;
}

static void one_whose_first_thread_ended(void **state)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child)
		end_first_thread();
	/* Not when its memory is gone: it is R for a moment more. */
	while (state_of(child) != 'Z')
		usleep(1000);
	assert_non_null(strstr(process_memory_missing(child), "first thread"));
	assert_true(process_is_ending(child));
	assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void one_that_ends_is_told(void **state)
{
	siginfo_t info;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_false(process_is_ending(child));
	kill(child, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT),
			 0);
	assert_true(process_is_ending(child));
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_false(process_is_ending(child)); /* there is none */
}

/* kthreadd has number 2, where this process sees it. */
static void one_is_found(void **state)
{
	char name[16] = "";
	FILE *in = fopen("/proc/2/comm", "re");

	if (in && !fgets(name, sizeof(name), in))
		name[0] = '\0';
	if (in)
		fclose(in);
	if (strcmp(name, "kthreadd\n") != 0)
		test_skip_without("kthreadd", "process 2 is another one");
	assert_non_null(strstr(process_memory_missing(2), "kernel thread"));
}

/* A child whose name looks like the end of its own, and the fields behind. */
static void any_name_is_passed(void **state)
{
	struct process_stat stat;
	int ready[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, ") Z 7 8\n 9 (");
		setpgid(0, 0);
		setpriority(PRIO_PROCESS, 0, 19);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		wait_for_end(NULL);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(process_read_stat(child, &stat), 0);
	/* D: it waits for a page of its program. */
	assert_non_null(strchr("SRD", stat.state));
	assert_int_equal(stat.parent, getpid());
	assert_int_equal(stat.group, child);
	assert_int_equal(stat.session, getsid(0));
	assert_int_equal(stat.nice, getpriority(PRIO_PROCESS, (id_t)child));
	/* a sanitizer has one of its own */
	assert_in_range(stat.nthreads, 1, 2);
	assert_true(stat.start_time_ticks > 0);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(process_read_stat(INT32_MAX, &stat), -ENOENT);
	close(ready[0]);
	close(ready[1]);
}

static void other_texts_are_refused(void **state)
{
	static const char *const texts[] = {"", "1 (a", "1 (a) S",
					    "1 (a) S 1 1 1 0 0 x"};
	struct process_stat stat;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(process_stat_parse(texts[i], &stat), -EIO);
}

TEST_MAIN(any_name_is_passed, other_texts_are_refused, others_have_memory,
	  one_whose_first_thread_ended, one_that_ends_is_told, one_is_found)
