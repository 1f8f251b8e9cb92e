/* SPDX-License-Identifier: MIT */
/*
 * A save: wait, look ahead, pause, harvest, copy, resume.
 */
#include "checkpoint/save.h"

#include "checkpoint/queue.h"
#include "sys/error.h"
#include "sys/options.h"
#include "sys/space.h"

static int fill(struct smudge_checkpointer *cp, struct smi_save *save,
		struct smudge_error *err)
{
	int ret = smi_save_wait_for_budget(cp, save, err);

	if (!ret && (save->is_full || save->options.look_ahead))
		ret = smi_save_look_ahead(cp, save, err);
	if (ret < 0)
		return ret;
	smi_save_populate(cp, save);
	return smi_save_pause_and_copy(cp, save, err);
}

static int copy_options(struct smudge_checkpointer *cp,
			const struct smudge_save_options *options,
			struct smudge_save_options *ret_options,
			struct smudge_error *err)
{
	if (options)
		return smi_sys_options_copy(
			ret_options, options,
			SMI_SYS_SHAPE(smudge_save_options, pause_deadline_ns),
			SMI_WHERE, err);
	*ret_options = (struct smudge_save_options){
		.look_ahead = cp->options.look_ahead,
		.uncompressed = cp->options.uncompressed,
		.pause_deadline_ns = cp->options.pause_deadline_ns,
	};
	return 0;
}

static int run(struct smudge_checkpointer *cp,
	       const struct smudge_save_options *options, uint64_t *ret_ticket,
	       struct smudge_error *err)
{
	struct smi_save *save;
	int ret = smi_queue_begin(cp, options, &save, err);

	if (ret < 0)
		return ret;
	ret = fill(cp, save, err);
	smi_save_release_regions(cp);
	return smi_queue_end(cp, save, ret, ret_ticket, err);
}

int smudge_checkpointer_save(struct smudge_checkpointer *checkpointer,
			     const struct smudge_save_options *options,
			     uint64_t *ret_ticket, struct smudge_error *err)
{
	struct smudge_save_options own_options;
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_space_check(checkpointer->space, SMI_WHERE,
				  "checkpointer", &own);
	if (!ret)
		ret = copy_options(checkpointer, options, &own_options, &own);
	if (!ret)
		ret = run(checkpointer, &own_options, ret_ticket, &own);
	if (ret < 0)
		smi_sys_error_keep(err, &own);
	return ret;
}
