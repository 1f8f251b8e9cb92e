/* SPDX-License-Identifier: MIT */
/*
 * A process as a subject.
 */
#include "checkpoint/process.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "checkpoint/process_state.h"
#include "checkpoint/writers.h"

#define NAME "checkpoint"

struct target {
	pid_t pid;
	struct smudge_memory *memory;	/* borrowed */
	struct smudge_process *process; /* borrowed */
	struct checkpoint_writers writers;
	struct process_state state;
	bool has_looked; /* at writers, and has not been stopped since */
	uint64_t stopped_ns;
};

static int look_at_writers(struct target *target, struct smudge_error *err)
{
	return checkpoint_writers_look(&target->writers, target->process,
				       target->pid, err);
}

/* Of a program that it executes since, the mappings are followed first. */
static int look(struct target *target, struct smudge_error *err)
{
	int ret = look_at_writers(target, err);

	if (ret == -ESRCH) {
		*err = (struct smudge_error)SMUDGE_ERROR_INIT;
		ret = smudge_process_look(target->process, err);
		if (!ret)
			ret = look_at_writers(target, err);
	}
	target->has_looked = !ret;
	return ret;
}

static int attached(void *subject, struct smudge_memory *memory,
		    struct smudge_process *process, struct smudge_error *err)
{
	struct target *target = subject;

	target->memory = memory;
	target->process = process;
	return look(target, err);
}

static int prepare(void *subject, struct smudge_error *err)
{
	return look(subject, err);
}

/* Between two pauses of one checkpoint others may have come. */
static int pause_target(void *subject, struct smudge_error *err)
{
	struct target *target = subject;
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	int ret = target->has_looked ? 0 : look(target, err);

	if (ret)
		return ret;
	target->has_looked = false;
	ret = smudge_process_stop(target->process, err);
	if (ret)
		return ret;
	ret = checkpoint_writers_check(&target->writers, target->pid, err);
	if (ret)
		(void)smudge_process_continue(target->process, &ignored);
	return ret;
}

static int resume(void *subject, struct smudge_error *err)
{
	const struct target *target = subject;

	return smudge_process_continue(target->process, err);
}

static int save_state(void *subject, struct smudge_checkpointer *cp,
		      struct smudge_error *err)
{
	struct target *target = subject;

	checkpoint_writers_mark(&target->writers, target->memory);
	return process_state_save(&target->state, target->pid, target->process,
				  cp, err);
}

static void describe(void *subject, json_t *layer)
{
	struct smudge_process_stats stats = {.size = sizeof(stats)};
	struct target *target = subject;

	if (smudge_process_stats(target->process, &stats))
		return;
	json_object_set_new(layer, "stopped-ns",
			    json_integer((json_int_t)(stats.stopped_ns -
						      target->stopped_ns)));
	target->stopped_ns = stats.stopped_ns;
}

static void close_target(void *subject)
{
	struct target *target = subject;

	checkpoint_writers_free(&target->writers);
	process_state_free(&target->state);
	free(target);
}

static const struct checkpoint_subject_ops ops = {
	.attached = attached,
	.prepare = prepare,
	.pause = pause_target,
	.resume = resume,
	.save_state = save_state,
	.describe = describe,
	.close = close_target,
};

int checkpoint_process_open(const struct checkpoint_request *request,
			    struct checkpoint_subject *ret_subject,
			    struct smudge_error *err)
{
	struct target *target = calloc(1, sizeof(*target));

	if (!target)
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	target->pid = request->pid;
	*ret_subject = (struct checkpoint_subject){
		.ops = &ops,
		.state = target,
		.pid = request->pid,
		.process = {.size = sizeof(ret_subject->process),
			    .select = SMUDGE_PROCESS_ALL,
			    /* relocated pages, which a debugger needs */
			    .unwritable = true},
		.rearm_policy = SMUDGE_REARM_QUIESCED,
	};
	return 0;
}
