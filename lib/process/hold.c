/* SPDX-License-Identifier: MIT */
/*
 * Stopping a process by a keeper, and letting it go.
 */
#include "process/hold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "process/keeper.h"
#include "process/step.h"
#include "process/stop.h"
#include "process/thread_states.h"
#include "sys/clock.h"

#define WHERE	  "process"
#define NS_PER_MS UINT64_C(1000000)

struct smi_hold {
	struct smi_keeper keeper;
	pid_t pid;
	struct smi_stop stop; /* the keeper's, until it stays */
	struct smi_thread_states states;
	uint64_t begun_ns;
	struct smudge_error err;
};

/* In the keeper. */
static int stop_and_read(void *opaque)
{
	struct smi_hold *hold = opaque;
	int ret;

	smi_step("begun");
	ret = smi_stop_all(&hold->stop, &hold->err);
	if (!ret) {
		smi_step("all stopped");
		ret = smi_thread_states_read(&hold->stop, &hold->states,
					     &hold->err);
	}
	smi_step("done");
	return ret;
}

static void free_hold(struct smi_hold *hold)
{
	smi_threads_free(&hold->stop.threads);
	smi_thread_states_free(&hold->states);
	free(hold);
}

static int begin(struct smi_hold *hold, struct smudge_error *err)
{
	int result = 0;
	int ret = smi_keeper_start(&hold->keeper, stop_and_read, hold, &result);

	hold->begun_ns = hold->stop.threads.interrupted_ns;
	if (ret < 0)
		return smi_stop_not_made(ret, err);
	if (result < 0 && !hold->err.code)
		return smi_stop_not_made(result, err);
	if (result < 0 && err)
		*err = hold->err;
	return result;
}

int smi_hold_begin(struct smi_target *target, unsigned int timeout_ms,
		   struct smi_hold **ret_hold, uint64_t *ret_stopped_ns,
		   struct smudge_error *err)
{
	struct smi_hold *hold;
	int ret;

	if (smi_target_has_ended(target))
		return smudge_error_set(err, -ESRCH, WHERE,
					"process %d has ended",
					(int)target->pid);
	hold = calloc(1, sizeof(*hold));
	if (!hold)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	hold->pid = target->pid;
	hold->err = (struct smudge_error)SMUDGE_ERROR_INIT;
	hold->stop = (struct smi_stop){.target = target,
				       .threads = {.pid = target->pid},
				       .timeout_ns = timeout_ms * NS_PER_MS};
	ret = begin(hold, err);
	if (ret < 0) {
		*ret_stopped_ns = smi_stop_time_ns(hold->begun_ns);
		free_hold(hold);
		return ret;
	}
	*ret_hold = hold;
	smi_step("stands");
	return 0;
}

bool smi_hold_stands(const struct smi_hold *hold)
{
	return smi_keeper_stays(&hold->keeper);
}

uint64_t smi_hold_stopped_ns(const struct smi_hold *hold)
{
	return smi_stop_time_ns(hold->begun_ns);
}

static void give(const struct smi_hold *hold, bool is_main,
		 void (*each)(void *opaque,
			      const struct smudge_process_thread *t),
		 void *opaque)
{
	for (size_t i = 0; i < hold->states.nthreads; i++) {
		struct smudge_process_thread thread;

		smi_thread_states_get(&hold->states, i, &thread);
		if ((thread.tid == hold->pid) == is_main)
			each(opaque, &thread);
	}
}

void smi_hold_each_thread(const struct smi_hold *hold,
			  void (*each)(void *opaque,
				       const struct smudge_process_thread *t),
			  void *opaque)
{
	give(hold, true, each, opaque);
	give(hold, false, each, opaque);
}

int smi_hold_end(struct smi_hold *hold, uint64_t *ret_stopped_ns)
{
	int ret;

	smi_step("to let go");
	ret = smi_keeper_end(&hold->keeper);
	*ret_stopped_ns = smi_stop_time_ns(hold->begun_ns);
	smi_step("let go");
	free_hold(hold);
	return ret;
}
