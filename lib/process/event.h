/* SPDX-License-Identifier: MIT */
/*
 * What the threads that the guardian traces do: one event after the other.
 */
#ifndef LIB_PROCESS_EVENT_H
#define LIB_PROCESS_EVENT_H

#include <stdint.h>
#include <sys/types.h>

#define SMI_EVENT_NO_DEADLINE UINT64_MAX

enum smi_event_kind {
	SMI_EVENT_STOPPED, /* as PTRACE_INTERRUPT asked, or by a stop signal */
	SMI_EVENT_BORN,	   /* it has made a child, which stands; born.h */
	SMI_EVENT_CALL,	   /* at the entry or exit of a system call */
	SMI_EVENT_SIGNAL, /* about to handle one; smi_event_deliver continues */
	SMI_EVENT_GONE,	  /* it has ended */
};

struct smi_event {
	enum smi_event_kind kind;
	pid_t tid;
	int signal; /* of SMI_EVENT_SIGNAL */
};

/*
 * smi_event_next - wait for the next event of any thread that we trace
 * @deadline_ns: of smi_sys_now_ns; a moment that has passed asks only for what
 *      there is; or SMI_EVENT_NO_DEADLINE
 *
 * Threads: the guardian's own, which has no child of another kind and blocks
 * SIGCHLD.
 * Return: 1, 0 (none until @deadline_ns), -ECHILD (no thread is traced), or
 * another -errno of waitid(2).
 */
int smi_event_next(uint64_t deadline_ns, struct smi_event *ret_event);

/* Let a thread handle its signal. */
void smi_event_deliver(const struct smi_event *event);

#endif
