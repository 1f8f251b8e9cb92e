/* SPDX-License-Identifier: MIT */
/*
 * A save: wait, look ahead, pause, harvest, copy, resume.
 *
 * The machine is resumed once for each time that it was paused, before anything
 * else is undone.
 */
#include "checkpoint/save.h"

#include <errno.h>
#include <time.h>

#include "checkpoint/queue.h"
#include "sys/clock.h"
#include "sys/error.h"
#include "sys/guard.h"
#include "sys/options.h"
#include "sys/space.h"

/* A pass that takes less leaves little for the pause. */
#define ENOUGH_PAGES 4096

/* Return: 0, what the callback may return, or -EIO. */
static int check(struct smudge_error *own, int value, const char *what,
		 struct smudge_error *err)
{
	int ret = smi_sys_callback_check(own, value, SMI_WHERE, what);

	if (ret < 0) {
		smudge_error_set(own, ret, SMI_WHERE, "%s failed: error %d",
				 what, -ret);
		smi_sys_error_keep(err, own);
	}
	return ret;
}

static int save_state(struct smudge_checkpointer *cp, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret;

	if (!cp->options.save_state)
		return 0;
	ret = cp->options.save_state(cp->options.opaque, cp, &own);
	return check(&own, ret, "save_state", err);
}

static uint64_t realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/*
 * With the machine paused. The state comes first, since saving it may write
 * memory, which belongs to the same moment.
 */
static int copy_moment(struct smudge_checkpointer *cp, struct smi_save *save,
		       struct smudge_error *err)
{
	uint64_t before = save->pieces.data_pages;
	int ret = save_state(cp, err);

	save->layer.stats.time_ns = realtime_ns();
	if (!ret)
		ret = smi_save_pass(cp, save, true, err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&cp->lock);
	smi_queue_move_blobs(cp, save);
	cp->last_pages = save->pieces.data_pages - before;
	cp->stats.copied_pages += cp->last_pages;
	return 0;
}

static int resume(struct smudge_checkpointer *cp, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;

	if (!cp->options.resume)
		return 0;
	return check(&own, cp->options.resume(cp->options.opaque, &own),
		     "resume", err);
}

static void count_pause(struct smudge_checkpointer *cp, struct smi_save *save,
			uint64_t start_ns)
{
	uint64_t pause_ns = save->resumed_ns - start_ns;

	save->layer.stats.pause_ns = pause_ns;
	SMI_SYS_GUARD(&cp->lock);
	cp->stats.last_pause_ns = pause_ns;
	if (pause_ns > cp->stats.longest_pause_ns)
		cp->stats.longest_pause_ns = pause_ns;
}

static int pause_and_copy(struct smudge_checkpointer *cp, struct smi_save *save,
			  struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	uint64_t start_ns = smi_sys_now_ns();
	int ret = smi_save_check(save, err);
	int resumed;

	if (!ret && cp->options.quiesce)
		ret = check(&own, cp->options.quiesce(cp->options.opaque, &own),
			    "quiesce", err);
	if (ret < 0)
		return ret;
	if (save->options.pause_deadline_ns)
		save->deadline_ns = start_ns + save->options.pause_deadline_ns;
	save->is_paused = true;
	ret = copy_moment(cp, save, err);
	save->is_paused = false;
	save->deadline_ns = 0;
	resumed = resume(cp, err);
	save->resumed_ns = smi_sys_now_ns();
	count_pause(cp, save, start_ns);
	return ret ? ret : resumed;
}

/* Under the other policy every page is reported again, however often. */
static bool is_worth_another(struct smudge_checkpointer *cp, uint64_t npages)
{
	return npages > ENOUGH_PAGES &&
	       cp->options.rearm_policy == SMUDGE_REARM_ALWAYS;
}

static int look_ahead(struct smudge_checkpointer *cp, struct smi_save *save,
		      struct smudge_error *err)
{
	uint64_t last = UINT64_MAX;

	for (unsigned int pass = 0; pass < SMI_MAX_PASSES - 1; pass++) {
		uint64_t before = save->pieces.data_pages;
		int ret = smi_save_pass(cp, save, false, err);
		uint64_t npages = save->pieces.data_pages - before;

		if (ret < 0)
			return ret;
		if (!is_worth_another(cp, npages) || npages > last / 2)
			break;
		last = npages;
	}
	return 0;
}

static int fill(struct smudge_checkpointer *cp, struct smi_save *save,
		struct smudge_error *err)
{
	int ret = smi_save_wait_for_budget(cp, save, err);

	if (!ret && (save->is_full || save->options.look_ahead))
		ret = look_ahead(cp, save, err);
	if (ret < 0)
		return ret;
	smi_save_populate(cp);
	return pause_and_copy(cp, save, err);
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
