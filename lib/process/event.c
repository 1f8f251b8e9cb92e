/* SPDX-License-Identifier: MIT */
/*
 * waitid(2) looks without consuming. A thread that stopped to deliver a signal
 * keeps the signal until the wait is consumed; so it is continued instead, and
 * if we end before that, the kernel delivers it. Of the events of ptrace, those
 * of a new child are asked for (seize.h).
 */
#include "process/event.h"

#include <errno.h>
#include <signal.h>
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

static struct smi_event recognize(const siginfo_t *info)
{
	struct smi_event event = {.tid = info->si_pid};
	int signal = info->si_status & 0xff,
	    ptrace_event = info->si_status >> 8;

	if (info->si_code != CLD_TRAPPED && info->si_code != CLD_STOPPED)
		event.kind = SMI_EVENT_GONE;
	else if (ptrace_event == PTRACE_EVENT_STOP)
		event.kind = SMI_EVENT_STOPPED;
	else if (ptrace_event)
		event.kind = SMI_EVENT_BORN;
	else if (signal == CALL_STOP)
		event.kind = SMI_EVENT_CALL;
	else {
		event.kind = SMI_EVENT_SIGNAL;
		event.signal = signal;
	}
	return event;
}

void smi_event_deliver(const struct smi_event *event)
{
	if (ptrace(PTRACE_CONT, event->tid, NULL, (long)event->signal) < 0)
		consume(event->tid); /* it was killed */
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
	int how = WEXITED | WSTOPPED | WNOWAIT | __WALL;

	if (deadline_ns != SMI_EVENT_NO_DEADLINE)
		how |= WNOHANG;
	for (;;) {
		siginfo_t info = {0};
		uint64_t now_ns;

		if (waitid(P_ALL, 0, &info, how) < 0)
			return -errno;
		if (info.si_pid) {
			*ret_event = recognize(&info);
			if (ret_event->kind != SMI_EVENT_SIGNAL)
				consume(info.si_pid);
			return 1;
		}
		now_ns = smi_sys_now_ns();
		if (now_ns >= deadline_ns)
			return 0;
		wait_for_child(now_ns, deadline_ns);
	}
}
