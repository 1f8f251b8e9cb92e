/* SPDX-License-Identifier: MIT */
/*
 * A guardian that is not put off by the threads that it stops: what it does to
 * one after the other should happen at once (gather.c).
 */
#ifndef LIB_PROCESS_URGENT_H
#define LIB_PROCESS_URGENT_H

#include <sched.h>
#include <stdbool.h>

struct smi_urgent {
	bool is_changed;
	int policy; /* before */
	struct sched_param param;
};

/*
 * smi_urgent_begin - give the calling thread a real-time priority, if it may
 *      have one (CAP_SYS_NICE, RLIMIT_RTPRIO) and has none
 * smi_urgent_end - take it back
 *
 * Threads: the guardian's own.
 */
void smi_urgent_begin(struct smi_urgent *urgent);
void smi_urgent_end(const struct smi_urgent *urgent);

#endif
