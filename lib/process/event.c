/* SPDX-License-Identifier: MIT */
/*
 * waitid(2) looks without consuming. A thread that stopped to deliver a signal
 * keeps the signal until the wait is consumed; so it is continued instead, and
 * if we end before that, the kernel delivers it.
 */
#include "process/event.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "sys/clock.h"

#define CALL_STOP (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */
#define NS_PER_S  UINT64_C(1000000000)

static void consume(pid_t tid)
{
	waitpid(tid, NULL, __WALL | WNOHANG);
}

/* Return: is it an event for the caller? */
static bool recognize(const siginfo_t *info, struct smi_event *event)
{
	int signal = info->si_status & 0xff;
	int ptrace_event = info->si_status >> 8;

	event->tid = info->si_pid;
	if (info->si_code != CLD_TRAPPED && info->si_code != CLD_STOPPED) {
		consume(info->si_pid);
		event->kind = SMI_EVENT_GONE;
		return true;
	}
	if (ptrace_event == PTRACE_EVENT_STOP || signal == CALL_STOP) {
		consume(info->si_pid);
		event->kind = signal == CALL_STOP ? SMI_EVENT_CALL
						  : SMI_EVENT_STOPPED;
		return true;
	}
	if (ptrace(PTRACE_CONT, info->si_pid, NULL,
		   (long)(ptrace_event ? 0 : signal)) < 0)
		consume(info->si_pid); /* killed, or not ours any more */
	return false;
}

/* Until a SIGCHLD is pending; one that came before is still. */
static void wait_for_child(uint64_t now_ns, uint64_t deadline_ns)
{
	uint64_t left_ns = deadline_ns - now_ns;
	struct timespec timeout = {
		.tv_sec = (time_t)(left_ns / NS_PER_S),
		.tv_nsec = (long)(left_ns % NS_PER_S),
	};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigtimedwait(&set, NULL, &timeout);
}

int smi_event_next(uint64_t deadline_ns, struct smi_event *ret_event)
{
	for (;;) {
		siginfo_t info = {0};
		uint64_t now_ns;

		if (waitid(P_ALL, 0, &info,
			   WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) < 0)
			return -errno;
		if (info.si_pid) {
			if (recognize(&info, ret_event))
				return 1;
			continue;
		}
		now_ns = smi_sys_now_ns();
		if (now_ns >= deadline_ns)
			return 0;
		wait_for_child(now_ns, deadline_ns);
	}
}
