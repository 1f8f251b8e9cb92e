/* SPDX-License-Identifier: MIT */
/*
 * A process: open, harvest, close.
 */
#include <smudge/process.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/area.h"
#include "process/attachment.h"
#include "process/follow.h"
#include "process/open.h"
#include "process/options.h"
#include "process/renew.h"
#include "process/soft_dirty.h"
#include "process/standing.h"
#include "process/step.h"
#include "sys/error.h"
#include "sys/guard.h"
#include "sys/log.h"
#include "sys/space.h"

#define WHERE "process"

#define MAX_ATTEMPTS 5 /* one program after the other */

static int check_space(const struct smudge_process *process,
		       struct smudge_error *err)
{
	return smi_sys_space_check(process->space, WHERE, "process", err);
}

static void free_process(struct smudge_process *process)
{
	if (process->attachment) {
		smi_attachment_let_go(process->attachment);
		smi_attachment_drop(process->attachment);
	}
	smi_process_free_left_out(process);
	pthread_mutex_destroy(&process->lock);
	pthread_mutex_destroy(&process->stop_lock);
	free(process->areas);
	free(process->pattern);
	free(process);
}

static struct smudge_process *
new_process(struct smudge_memory *memory, pid_t pid,
	    const struct smudge_process_options *o,
	    const struct smi_process_means *means)
{
	struct smudge_process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	pthread_mutex_init(&process->lock, NULL);
	pthread_mutex_init(&process->stop_lock, NULL);
	process->space = smi_sys_space_id();
	process->memory = memory;
	process->means = means;
	process->pid = pid;
	process->method = o->method;
	process->select = o->select;
	process->first_address = o->first_address;
	process->end_address = o->end_address;
	process->stop_timeout_ms = o->stop_timeout_ms;
	process->unwritable = o->unwritable;
	process->pattern = o->pattern ? strdup(o->pattern) : NULL;
	if (process->space && (process->pattern || !o->pattern))
		return process;
	free_process(process);
	return NULL;
}

static int cannot_track(const struct smudge_process *process,
			const struct smi_left_out *left,
			struct smudge_error *err)
{
	return smudge_error_set(
		err, left->code ? left->code : -EOPNOTSUPP, WHERE,
		"mapping 0x%" PRIx64 " to 0x%" PRIx64
		" of process %d cannot be tracked: %s",
		left->start, left->end, (int)process->pid, left->reason);
}

/* Nothing is armed before a client opens, so it is tried. */
static int try_areas(const struct smudge_process *process,
		     struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < process->nareas && !ret; i++)
		ret = smi_attachment_try_area(process->areas[i], err);
	return ret;
}

/* What was asked for must be there, and all of it be tracked. */
static int check_selection(const struct smudge_process *process,
			   struct smudge_error *err)
{
	for (size_t i = 0; i < process->nleft_out; i++) {
		const struct smi_left_out *left = &process->left_out[i];

		if (left->code || process->select != SMUDGE_PROCESS_ALL)
			return cannot_track(process, left, err);
	}
	if (!process->nareas)
		return smudge_error_set(err, -ENOENT, WHERE,
					"process %d has no mapping that may be "
					"written and that is selected",
					(int)process->pid);
	return process->select == SMUDGE_PROCESS_ALL ? 0
						     : try_areas(process, err);
}

static int begin(struct smudge_process *process, struct smudge_error *err)
{
	int ret = smi_attachment_make(process, err);

	if (ret == 0)
		ret = smi_process_follow(process, err);
	return ret < 0 ? ret : check_selection(process, err);
}

int smi_process_open(struct smudge_memory *memory, pid_t pid,
		     const struct smudge_process_options *options,
		     const struct smi_process_means *means,
		     struct smudge_process **ret_process,
		     struct smudge_error *err)
{
	struct smudge_process_options own;
	struct smudge_process *process;
	int ret = smi_process_options_copy(&own, options, err);

	if (ret < 0)
		return ret;
	if (pid == getpid())
		return smudge_error_set(err, -EINVAL, WHERE,
					"process %d is this one: its memory is "
					"tracked by sources of its own",
					(int)pid);
	process = new_process(memory, pid, &own, means);
	if (!process)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	ret = begin(process, err);
	if (ret < 0) {
		smi_process_remove_areas(process);
		free_process(process);
		return ret;
	}
	*ret_process = process;
	return 0;
}

/* process->lock held. */
static int refresh(struct smudge_process *process, struct smudge_error *err)
{
	int ret = smi_process_renew(process, err);

	return ret < 0 ? ret : smi_process_follow(process, err);
}

typedef int (*harvest_fn)(struct smudge_region *region,
			  struct smudge_error *err);

/* All of them, whatever fails. */
static int harvest_all(struct smudge_process *process, harvest_fn harvest,
		       struct smudge_error *err)
{
	int first = 0;

	for (size_t i = 0; i < process->nareas; i++) {
		struct smudge_error own = SMUDGE_ERROR_INIT;
		int ret = harvest(process->areas[i]->region, &own);

		if (ret < 0)
			smi_sys_error_keep(err, &own);
		if (ret < 0 && first == 0)
			first = ret;
	}
	return first;
}

/* process->lock held. The process is stopped once for all harvests. */
static int harvest_soft(struct smudge_process *process, harvest_fn harvest,
			struct smudge_error *err)
{
	struct smi_soft_dirty *soft = process->attachment->soft;
	int ret = smi_soft_dirty_begin(soft, err);
	int harvested = harvest_all(process, harvest, err);

	smi_soft_dirty_end(soft);
	return ret < 0 ? ret : harvested;
}

/* process->lock held. */
static int harvest_now(struct smudge_process *process, harvest_fn harvest,
		       struct smudge_error *err)
{
	int ret = refresh(process, err);
	int harvested;

	smi_step("refreshed");
	if (ret == 0 && process->attachment->soft &&
	    harvest != smudge_region_look)
		return harvest_soft(process, harvest, err);
	harvested = harvest_all(process, harvest, err);
	return ret < 0 ? ret : harvested;
}

/* What was harvested is not the process's address space any more. */
static bool has_left_space(const struct smudge_process *process)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	int ret;

	if (process->stats.has_ended || !process->attachment)
		return false;
	ret = smi_attachment_check(process, &ignored);
	return ret == -ESTALE || ret == -ESRCH;
}

/*
 * It may end or execute another program meanwhile. The next attempt says that
 * it has ended, or has the regions of the other program.
 */
static int refresh_and_harvest(struct smudge_process *process,
			       harvest_fn harvest, struct smudge_error *err)
{
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	ret = check_space(process, err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&process->lock);
	ret = harvest_now(process, harvest, err);
	for (int i = 1; i < MAX_ATTEMPTS && ret && has_left_space(process);
	     i++) {
		smudge_error_clear(err);
		ret = harvest_now(process, harvest, err);
	}
	return ret;
}

int smudge_process_harvest(struct smudge_process *process,
			   struct smudge_error *err)
{
	return refresh_and_harvest(process, smudge_region_harvest, err);
}

int smudge_process_look(struct smudge_process *process,
			struct smudge_error *err)
{
	return refresh_and_harvest(process, smudge_region_look, err);
}

int smudge_process_harvest_quiesced(struct smudge_process *process,
				    struct smudge_error *err)
{
	return refresh_and_harvest(process, smudge_region_harvest_quiesced,
				   err);
}

static int busy(const struct smudge_process *process, struct smudge_error *err)
{
	return smudge_error_set(err, -EBUSY, WHERE,
				"%zu regions of process %d are held or have a "
				"batch: release them, then close it again",
				process->nareas, (int)process->pid);
}

int smudge_process_close(struct smudge_process *process,
			 struct smudge_error *err)
{
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	if (!process)
		return 0;
	ret = check_space(process, err);
	if (ret < 0)
		return ret;
	smi_standing_end(process);
	for (size_t i = 0; i < process->nareas; i++)
		smi_area_let_go(process->areas[i]);
	if (process->attachment)
		smi_attachment_let_go(process->attachment);
	smi_process_remove_areas(process);
	if (process->nareas)
		return busy(process, err);
	free_process(process);
	return 0;
}
