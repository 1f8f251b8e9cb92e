/* SPDX-License-Identifier: MIT */
/*
 * A pipe says when a process is in its state.
 */
#include "other.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc_of.h"
#include "support.h"

static _Noreturn void run(bool (*body)(void *opaque), void *opaque, int ready)
{
	bool is_possible = !body || body(opaque);
	char byte = is_possible ? 1 : 0;

	if (write(ready, &byte, 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

pid_t other_start(bool (*body)(void *opaque), void *opaque)
{
	int fds[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(body, opaque, fds[1]);
	}
	close(fds[1]);
	if (read(fds[0], &byte, 1) != 1)
		byte = 0;
	close(fds[0]);
	if (byte)
		return pid;
	other_end(pid);
	return 0;
}

void other_end(pid_t pid)
{
	if (!pid)
		return;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static _Noreturn void run_bytes(int program, int failed)
{
	char *const none[] = {NULL};
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", program);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execve(path, none, none);
	_exit(write(failed, "x", 1) == 1 ? 127 : 126);
}

/* A program that was loaded waits in its call; one that was not has ended. */
static bool is_running(pid_t pid)
{
	char state;

	do {
		usleep(100);
		state = proc_of_state(pid);
	} while (state != 'S' && state != 'Z');
	return state == 'S';
}

/* The pipe is closed by the exec, which then loads the program. */
pid_t other_program(const void *bytes, size_t nbytes)
{
	int program = memfd_create("smudge-test", MFD_CLOEXEC);
	bool has_executed;
	int fds[2];
	char byte;
	pid_t pid;

	assert_true(program >= 0);
	assert_int_equal(write(program, bytes, nbytes), nbytes);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		run_bytes(program, fds[1]);
	close(fds[1]);
	has_executed = read(fds[0], &byte, 1) == 0;
	close(fds[0]);
	close(program);
	if (has_executed && is_running(pid))
		return pid;
	other_end(pid);
	return 0;
}

bool other_has_ended(pid_t pid)
{
	siginfo_t info = {0};

	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid != 0;
}
