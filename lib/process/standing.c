/* SPDX-License-Identifier: MIT */
/*
 * Stopping a process for longer than a call, its threads, and letting it run.
 */
#include "process/standing.h"

#include <errno.h>

#include "common/range.h"
#include "process/attachment.h"
#include "process/hold.h"
#include "process/renew.h"
#include "sys/guard.h"
#include "sys/log.h"
#include "sys/space.h"

#define WHERE "process"

/* A program that is executed at the very moment of the stop. */
#define MAX_ATTEMPTS 10

static int check_space(const struct smudge_process *process,
		       struct smudge_error *err)
{
	return smi_sys_space_check(process->space, WHERE, "process", err);
}

static void count_stop(struct smudge_process *process, uint64_t stopped_ns)
{
	struct smudge_process_stats *stats = &process->stats;

	stats->stopped_ns += stopped_ns;
	stats->longest_stop_ns = max_u64(stats->longest_stop_ns, stopped_ns);
}

static int hold(struct smudge_process *process, struct smudge_error *err)
{
	uint64_t stopped_ns = 0;
	int ret;

	SMI_SYS_GUARD(&process->stop_lock);
	ret = smi_hold_begin(&process->attachment->target,
			     process->stop_timeout_ms, &process->hold,
			     &stopped_ns, err);
	process->stats.stops++;
	if (ret < 0)
		count_stop(process, stopped_ns);
	return ret;
}

static int let_go(struct smudge_process *process)
{
	uint64_t stopped_ns = 0;
	int ret;

	SMI_SYS_GUARD(&process->stop_lock);
	if (!process->hold)
		return 0;
	ret = smi_hold_end(process->hold, &stopped_ns);
	process->hold = NULL;
	count_stop(process, stopped_ns);
	return ret;
}

/*
 * The regions must be those of the program that stands, so the attachment is
 * checked before, as a new one needs a process that runs, and again after it.
 */
static int stop_once(struct smudge_process *process, struct smudge_error *err)
{
	int ret = smi_process_renew(process, err);

	if (!ret)
		ret = hold(process, err);
	if (ret < 0)
		return ret;
	ret = smi_attachment_check(process, err);
	if (ret < 0)
		let_go(process);
	return ret;
}

int smudge_process_stop(struct smudge_process *process,
			struct smudge_error *err)
{
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	ret = check_space(process, err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&process->lock);
	if (process->hold)
		return smudge_error_set(err, -EALREADY, WHERE,
					"process %d is stopped already",
					(int)process->pid);
	ret = -ESTALE;
	for (int i = 0; ret == -ESTALE && i < MAX_ATTEMPTS; i++)
		ret = stop_once(process, err);
	if (ret == -ESTALE)
		return smudge_error_set(err, -EBUSY, WHERE,
					"process %d executes one program "
					"after the other",
					(int)process->pid);
	return ret;
}

static bool has_ended(const struct smudge_process *process)
{
	return process->attachment &&
	       smi_target_ends(&process->attachment->target);
}

int smi_standing_end(struct smudge_process *process)
{
	int ret = let_go(process);

	return ret == -EIO && has_ended(process) ? -ESRCH : ret;
}

static int does_not_stand(const struct smudge_process *process,
			  struct smudge_error *err)
{
	return smudge_error_set(err, -EINVAL, WHERE,
				"process %d is not stopped", (int)process->pid);
}

static int was_let_go(const struct smudge_process *process,
		      struct smudge_error *err)
{
	return smudge_error_set(err, -EIO, WHERE,
				"process %d ran on too early: the process that "
				"held it was killed",
				(int)process->pid);
}

int smudge_process_continue(struct smudge_process *process,
			    struct smudge_error *err)
{
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	ret = check_space(process, err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&process->lock);
	if (!process->hold)
		return does_not_stand(process, err);
	ret = smi_standing_end(process);
	if (ret == -ESRCH)
		return smudge_error_set(err, ret, WHERE,
					"process %d was killed while it stood",
					(int)process->pid);
	return ret < 0 ? was_let_go(process, err) : 0;
}

int smudge_process_each_thread(
	struct smudge_process *process,
	void (*each)(void *opaque, const struct smudge_process_thread *thread),
	void *opaque, struct smudge_error *err)
{
	int ret;

	smudge_error_clear(err);
	ret = check_space(process, err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&process->lock);
	if (!process->hold)
		return does_not_stand(process, err);
	if (!smi_hold_stands(process->hold))
		return was_let_go(process, err);
	smi_hold_each_thread(process->hold, each, opaque);
	return 0;
}

void smi_standing_stats(const struct smudge_process *process,
			struct smudge_process_stats *stats)
{
	uint64_t stopped_ns =
		process->hold ? smi_hold_stopped_ns(process->hold) : 0;

	stats->stopped_ns += stopped_ns;
	stats->longest_stop_ns = max_u64(stats->longest_stop_ns, stopped_ns);
}
