/* SPDX-License-Identifier: MIT */
/*
 * PTRACE_SEIZE waits while a thread of the process executes a program, and that
 * one waits for others to end: for those that we trace, until we have waited
 * for them. So that happens meanwhile, in a handler of SIGCHLD of the guardian,
 * and the kernel makes the call again.
 */
#include "process/seize.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "process/guardian.h"

/*
 * Not PTRACE_O_TRACECLONE: a new thread that is not yet known here, and is
 * killed because another one executes a program, would never be waited for.
 */
#define TRACE_CHILDREN (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK)

/* A stop is not consumed, which WEXITED does not prevent. */
void smi_seize_wait_if_ended(pid_t tid)
{
	siginfo_t info = {0};

	waitid(P_PID, (id_t)tid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL);
	if (info.si_pid && info.si_code != CLD_TRAPPED &&
	    info.si_code != CLD_STOPPED)
		waitpid(tid, NULL, __WALL | WNOHANG);
}

void smi_seize_wait_for_ended(const struct smi_threads *traced)
{
	for (size_t i = 0; i < traced->nthreads; i++)
		smi_seize_wait_if_ended(traced->of[i].tid);
}

static void receive_sigchld(int number)
{
	int code = errno;

	(void)number;
	smi_seize_wait_for_ended(*smi_guardian_slot());
	errno = code;
}

static void handle_sigchld(int how)
{
	struct sigaction action = {.sa_handler = receive_sigchld};
	sigset_t set;

	sigfillset(&action.sa_mask);
	sigaction(SIGCHLD, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(how, &set, NULL);
}

long smi_seize(const struct smi_threads *threads, pid_t tid)
{
	long ret;
	int code;

	*smi_guardian_slot() = threads;
	handle_sigchld(SIG_UNBLOCK);
	ret = ptrace(PTRACE_SEIZE, tid, NULL, (long)TRACE_CHILDREN);
	code = errno;
	handle_sigchld(SIG_BLOCK);
	errno = code;
	return ret;
}
