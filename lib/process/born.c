/* SPDX-License-Identifier: MIT */
/*
 * The stop of a child and the event of the thread that made it come in any
 * order. One that was let go already is not ours, so waitpid(2) returns at
 * once.
 */
#include "process/born.h"

#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/proc.h"

static bool is_thread_of(pid_t pid, pid_t tid)
{
	int fd = smi_proc_open_thread(pid, tid, "stat");

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool smi_born_let_go(pid_t pid, pid_t child)
{
	if (is_thread_of(pid, child))
		return false;
	ptrace(PTRACE_DETACH, child, NULL, NULL);
	return true;
}

void smi_born_continue(pid_t tid)
{
	unsigned long child = 0;

	if (ptrace(PTRACE_GETEVENTMSG, tid, NULL, &child) == 0 && child &&
	    waitpid((pid_t)child, NULL, __WALL) == (pid_t)child)
		ptrace(PTRACE_DETACH, (pid_t)child, NULL, NULL);
	ptrace(PTRACE_CONT, tid, NULL, NULL);
}
