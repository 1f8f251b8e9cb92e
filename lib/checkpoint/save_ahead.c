/* SPDX-License-Identifier: MIT */
/*
 * Looking ahead: what is dirty is copied while the machine runs, so that the
 * last pause copies only what was written since.
 *
 * Under SMUDGE_REARM_ALWAYS each pass begins with a harvest. Under
 * SMUDGE_REARM_QUIESCED only a pause may re-arm, and without that every page
 * would be reported again: each pass begins with a short pause that harvests
 * and copies nothing. A page that the machine pins for I/O afterwards is
 * detected, and the next harvest finds the I/O completed. A page that was
 * pinned before is not written any more, since the pause has drained the I/O.
 */
#include "checkpoint/save.h"

/* A pass that takes less leaves little for the pause. */
#define ENOUGH_PAGES 4096

/* @ret_npages: receives how many pages were copied */
static int copy_ahead(struct smudge_checkpointer *cp, struct smi_save *save,
		      enum smi_pass pass, uint64_t *ret_npages,
		      struct smudge_error *err)
{
	uint64_t before = save->pieces.data_pages;
	int ret = smi_save_pass(cp, save, pass, err);

	*ret_npages = save->pieces.data_pages - before;
	return ret;
}

static int look_ahead(struct smudge_checkpointer *cp, struct smi_save *save,
		      struct smudge_error *err)
{
	uint64_t last = UINT64_MAX;

	while (save->npasses < SMI_MAX_PASSES - 1) {
		uint64_t npages;
		int ret = copy_ahead(cp, save, SMI_PASS_AHEAD, &npages, err);

		if (ret < 0)
			return ret;
		if (npages <= ENOUGH_PAGES || npages > last / 2)
			break;
		last = npages;
	}
	return 0;
}

/*
 * Is a pause worth while? Always before a full layer; else if it leaves much
 * less to the next one. Return: 1, 0, or a failure.
 */
static int is_pause_worth(struct smudge_checkpointer *cp, struct smi_save *save,
			  uint64_t last, struct smudge_error *err)
{
	int ret;

	if (save->is_full && !save->npasses)
		return 1;
	ret = smi_save_look(cp, save, err);
	if (ret < 0)
		return ret;
	return save->dirty_pages > ENOUGH_PAGES &&
	       save->dirty_pages <= last / 2;
}

static int look_ahead_quiesced(struct smudge_checkpointer *cp,
			       struct smi_save *save, struct smudge_error *err)
{
	uint64_t last = UINT64_MAX;

	while (save->npasses < SMI_MAX_PASSES - 1) {
		int ret = is_pause_worth(cp, save, last, err);

		if (ret <= 0)
			return ret;
		ret = smi_save_pause_and_rearm(cp, save, err);
		if (!ret)
			ret = copy_ahead(cp, save, SMI_PASS_HARVESTED, &last,
					 err);
		if (ret < 0)
			return ret;
	}
	return smi_save_look(cp, save, err);
}

/*
 * Without callbacks the machine is paused all the time, as far as is known:
 * a quiesced harvest may be made, and to copy first would gain nothing.
 */
int smi_save_look_ahead(struct smudge_checkpointer *cp, struct smi_save *save,
			struct smudge_error *err)
{
	if (cp->options.rearm_policy == SMUDGE_REARM_ALWAYS)
		return look_ahead(cp, save, err);
	return cp->options.quiesce ? look_ahead_quiesced(cp, save, err) : 0;
}
