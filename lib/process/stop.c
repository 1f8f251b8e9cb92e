/* SPDX-License-Identifier: MIT */
/*
 * Threads are listed, seized and interrupted until a listing has no new one and
 * all stand. Each is repaired as soon as it stands, so that the time in which
 * an interrupted call would be reported to the program is short.
 */
#include "process/stop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "common/range.h"
#include "process/arch.h"
#include "process/born.h"
#include "process/event.h"
#include "process/gather.h"
#include "process/proc.h"
#include "process/step.h"
#include "process/urgent.h"
#include "sys/clock.h"

#define WHERE	  "process"
#define RELIST_NS UINT64_C(5000000) /* threads that exec gives another id */
#define SETTLE_NS UINT64_C(100000000)
/*
 * A turn that takes longer has waited for a processor. The threads may have
 * done so, too, so no more of it counts.
 */
#define MAX_TURN_NS UINT64_C(50000000)
#define LETTER_DISK 'D'

/* Return: 0 or -ENOMEM. */
static int note(struct smi_stop *stop, const struct smi_event *event)
{
	if (event->kind == SMI_EVENT_GONE) {
		smi_threads_remove(&stop->threads, event->tid);
		return 0;
	}
	if (event->kind == SMI_EVENT_BORN) {
		smi_born_continue(event->tid);
		return 0;
	}
	if (!smi_threads_find(&stop->threads, event->tid) &&
	    smi_born_let_go(stop->target->pid, event->tid))
		return 0;
	smi_step("stopped");
	smi_arch_repair(stop->target->pid, event->tid);
	smi_step("repaired");
	if (event->kind != SMI_EVENT_SIGNAL)
		return smi_threads_note_stop(&stop->threads, event->tid);
	smi_event_deliver(event);
	return 0;
}

/* Until all that are known stand, or it is time to list them again. */
static int wait_for_threads(struct smi_stop *stop)
{
	uint64_t until_ns = smi_sys_now_ns() + RELIST_NS;
	struct smi_event event;
	int ret = 1;

	while (ret > 0 && !smi_threads_all_stand(&stop->threads)) {
		ret = smi_event_next(until_ns, &event);
		if (ret > 0 && note(stop, &event) < 0)
			ret = -ENOMEM;
	}
	return ret == -ECHILD || ret > 0 ? 0 : ret;
}

static int too_late(const struct smi_stop *stop, struct smudge_error *err)
{
	pid_t pid = stop->target->pid, tid = pid;
	struct smi_proc_stat stat = {0};

	for (size_t i = 0; i < stop->threads.nthreads; i++)
		if (!stop->threads.of[i].is_stopped)
			tid = stop->threads.of[i].tid;
	if (!smi_proc_stat(pid, tid, &stat) && stat.state == LETTER_DISK)
		return smudge_error_set(
			err, -ETIMEDOUT, WHERE,
			"thread %d of process %d waits in the kernel for a "
			"device, or for a child of vfork, and does not stop",
			(int)tid, (int)pid);
	return smudge_error_set(err, -ETIMEDOUT, WHERE,
				"thread %d of process %d does not stop in time",
				(int)tid, (int)pid);
}

/* What counts of the time since *began_ns, from which on the next counts. */
static uint64_t turn_ns(uint64_t *began_ns)
{
	uint64_t now_ns = smi_sys_now_ns();
	uint64_t took_ns = now_ns - *began_ns;

	*began_ns = now_ns;
	return min_u64(took_ns, MAX_TURN_NS);
}

static int stop_all(struct smi_stop *stop, struct smudge_error *err)
{
	uint64_t began_ns = smi_sys_now_ns(), spent_ns = 0;

	for (;;) {
		int ret = smi_gather_threads(&stop->threads, err);

		if (ret)
			return ret < 0 ? ret : 0;
		if (spent_ns >= stop->timeout_ns)
			return too_late(stop, err);
		ret = wait_for_threads(stop);
		if (ret < 0)
			return smudge_error_set(err, ret, WHERE,
						"cannot wait for the threads "
						"of process %d",
						(int)stop->target->pid);
		spent_ns += turn_ns(&began_ns);
	}
}

/*
 * The stop has failed. Who was told to stop does so all the same, with a call
 * that may be interrupted, and is repaired first. An event that comes for
 * another is noted too.
 */
static void wait_for_told(struct smi_stop *stop)
{
	uint64_t until_ns = smi_sys_now_ns() + SETTLE_NS;
	struct smi_event event;
	int ret = 1;

	while (ret > 0) {
		uint64_t look_ns = 0;

		if (smi_threads_are_stopping(&stop->threads))
			look_ns =
				min_u64(smi_sys_now_ns() + RELIST_NS, until_ns);
		ret = smi_event_next(look_ns, &event);
		if (ret > 0)
			note(stop, &event);
		else if (ret == 0 && look_ns && look_ns < until_ns)
			ret = 1;
	}
}

/* Only then may a thread be woken in the place of another (gather.c). */
static bool has_several_threads(pid_t pid)
{
	struct smi_proc_stat stat;

	return smi_proc_stat(pid, pid, &stat) == 0 && stat.nthreads > 1;
}

int smi_stop_all(struct smi_stop *stop, struct smudge_error *err)
{
	struct smi_urgent urgent = {.is_changed = false};
	int ret;

	if (has_several_threads(stop->target->pid))
		smi_urgent_begin(&urgent);
	ret = stop_all(stop, err);
	if (ret < 0)
		wait_for_told(stop);
	smi_urgent_end(&urgent);
	return ret;
}

int smi_stop_not_made(int code, struct smudge_error *err)
{
	if (code == -EIO)
		return smudge_error_set(err, code, WHERE,
					"the process that stops the target was "
					"killed");
	return smudge_error_set(err, code, WHERE,
				"cannot start a process that stops the target: "
				"%s",
				strerror(-code));
}

uint64_t smi_stop_time_ns(uint64_t begun_ns)
{
	return begun_ns ? smi_sys_now_ns() - begun_ns : 0;
}
