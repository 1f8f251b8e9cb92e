/* SPDX-License-Identifier: MIT */
/*
 * Kernel threads and processes without a first thread are told from others.
 */
#include "common/process_memory.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
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

static bool has_program(pid_t pid)
{
	char path[64], target[8];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return readlink(path, target, sizeof(target)) >= 0 || errno != ENOENT;
}

static void one_whose_first_thread_ended(void **state)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child)
		end_first_thread();
	while (has_program(child))
		usleep(1000);
	assert_non_null(strstr(process_memory_missing(child), "first thread"));
	assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
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

TEST_MAIN(others_have_memory, one_whose_first_thread_ended, one_is_found)
