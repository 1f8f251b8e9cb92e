/* SPDX-License-Identifier: MIT */
/*
 * The checkpointer's callbacks: they pause the guest, give its state, and have
 * done what follows a checkpoint.
 */
#include "checkpoint/saver_state.h"

#include <errno.h>

#include "base/bytes.h"
#include "common/commit.h"
#include "machine/lost.h"
#include "machine/machine.h"
#include "machine/moment.h"
#include "machine/run_control.h"

#define WHERE "checkpoint"

bool saver_is_cancelled(struct saver *saver)
{
	return atomic_load_explicit(&saver->is_cancelled, memory_order_acquire);
}

int saver_say_cancelled(struct smudge_error *err)
{
	return smudge_error_set(err, -ECANCELED, WHERE,
				"the checkpoint was cancelled");
}

int saver_quiesce(void *opaque, struct smudge_error *err)
{
	struct saver *saver = opaque;

	if (saver_is_cancelled(saver))
		return saver_say_cancelled(err);
	return run_control_hold(saver->machine, err);
}

int saver_resume(void *opaque, struct smudge_error *err)
{
	struct saver *saver = opaque;

	run_control_release(saver->machine);
	/* all that was copied was read before this */
	return machine_check_memory(saver->machine, err);
}

/* A guest that will run after the pause is in the state save-vm. */
int saver_save_state(void *opaque, struct smudge_checkpointer *checkpointer,
		     struct smudge_error *err)
{
	struct saver *saver = opaque;
	bool is_running = machine_run_state(saver->machine) == MACHINE_SAVE_VM;
	struct vm_buf buf = {0};
	int ret = moment_save(saver->machine, is_running, &buf, err);

	if (!ret)
		ret = smudge_checkpoint_add_blob(checkpointer, SAVER_BLOB,
						 buf.bytes, buf.len, err);
	vm_buf_free(&buf);
	return ret;
}

/* A disk is flushed, or a layer in place. */
int saver_committed(void *opaque, const struct smudge_layer_info *info,
		    struct smudge_error *err)
{
	struct smudge_error why = SMUDGE_ERROR_INIT;
	struct saver *saver = opaque;
	int ret = 0;

	pthread_mutex_lock(&saver->lock);
	saver->last_number = info->number;
	pthread_mutex_unlock(&saver->lock);
	if (saver->commit)
		ret = commit_run(saver->commit, info, &why);
	if (!ret)
		return 0;
	return saver->disk
		       ? smudge_error_set(err, ret, WHERE, "%s", why.message)
		       : smudge_error_set(err, ret, WHERE,
					  "%s is in place, but %s",
					  info->file_name, why.message);
}
