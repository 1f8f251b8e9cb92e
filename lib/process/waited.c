/* SPDX-License-Identifier: MIT */
/*
 * The calls whose limit can be read, and the waits of the last stops.
 */
#include "process/waited.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "process/memory_of.h"
#include "process/proc.h"
#include "sys/clock.h"

#define CALL_EPOLL_PWAIT2 441 /* Linux 5.11 */
#define NWAITS		  1024
#define RUNS_PER_STOP	  2
#define NS_PER_MS	  INT64_C(1000000)
#define NS_PER_S	  INT64_C(1000000000)

/* Where a call has its limit. */
struct limit {
	uint16_t call;
	uint16_t argument;
	bool is_ms; /* an int; otherwise the address of a timespec, or 0 */
	int result; /* when it is over */
};

static const struct limit limits[] = {
	{SYS_epoll_wait, 3, true, 0},
	{SYS_epoll_pwait, 3, true, 0},
	{CALL_EPOLL_PWAIT2, 3, false, 0},
	{SYS_io_getevents, 4, false, 0},
	{SYS_semtimedop, 3, false, -EAGAIN},
	{SYS_rt_sigtimedwait, 2, false, -EAGAIN},
};

/* A thread's, at its last stop. */
struct waited {
	pid_t tid;
	struct smi_wait wait;
	uint64_t nruns;
	uint64_t first_ns; /* when it was met in the call first */
};

/* One that is met while others are noted is not. */
static struct waited waits[NWAITS];
static atomic_flag is_busy = ATOMIC_FLAG_INIT;

static const struct limit *find_limit(uint64_t call)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		if (limits[i].call == call)
			return &limits[i];
	return NULL;
}

/* In nanoseconds; negative: none, or it cannot be read. */
static int64_t read_limit(pid_t pid, const struct limit *limit,
			  const struct smi_wait *wait)
{
	uint64_t value = wait->arguments[limit->argument];
	struct timespec span;

	if (limit->is_ms)
		return (int32_t)value * NS_PER_MS;
	if (!value || !smi_memory_of_read(pid, value, &span, sizeof(span)) ||
	    span.tv_sec > INT32_MAX)
		return -1;
	return span.tv_sec * NS_PER_S + span.tv_nsec;
}

/* How often it ran: the third number. 0: not known. */
static uint64_t count_runs(pid_t pid, pid_t tid)
{
	char text[96];
	char *at = text;

	if (smi_proc_read(smi_proc_open_thread(pid, tid, "schedstat"), text,
			  sizeof(text)) <= 0)
		return 0;
	strtoull(at, &at, 10);
	strtoull(at, &at, 10);
	return strtoull(at, NULL, 10);
}

static bool is_same(const struct waited *last, const struct waited *now)
{
	return last->tid == now->tid && last->nruns != 0 &&
	       last->nruns + RUNS_PER_STOP == now->nruns &&
	       !memcmp(&last->wait, &now->wait, sizeof(now->wait));
}

/* What follows one that is over is another call. */
static bool note(struct waited *last, const struct waited *now,
		 uint64_t limit_ns)
{
	uint64_t first_ns = is_same(last, now) ? last->first_ns : now->first_ns;
	bool is_over = now->first_ns - first_ns >= limit_ns;

	*last = *now;
	last->first_ns = first_ns;
	if (is_over)
		last->nruns = 0;
	return is_over;
}

bool smi_waited_is_over(pid_t pid, pid_t tid, const struct smi_wait *wait,
			int64_t *ret_result)
{
	const struct limit *limit = find_limit(wait->call);
	int64_t limit_ns = limit ? read_limit(pid, limit, wait) : -1;
	struct waited now = {.tid = tid, .wait = *wait};
	bool is_over;

	/* one that is 0 does not wait */
	if (limit_ns <= 0)
		return false;
	now.first_ns = smi_sys_now_ns();
	now.nruns = count_runs(pid, tid);
	if (atomic_flag_test_and_set(&is_busy))
		return false;
	is_over = note(&waits[(size_t)tid % NWAITS], &now, (uint64_t)limit_ns);
	atomic_flag_clear(&is_busy);
	*ret_result = limit->result;
	return is_over;
}
