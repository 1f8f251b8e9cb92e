/* SPDX-License-Identifier: MIT */
/*
 * The pauses of a save: quiesce, work, resume.
 *
 * The machine is resumed once for each time that it was paused, before anything
 * else is undone.
 */
#include "checkpoint/save.h"

#include <errno.h>
#include <time.h>

#include "checkpoint/queue.h"
#include "common/range.h"
#include "sys/clock.h"
#include "sys/error.h"
#include "sys/guard.h"

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

static int quiesce(struct smudge_checkpointer *cp, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;

	if (!cp->options.quiesce)
		return 0;
	return check(&own, cp->options.quiesce(cp->options.opaque, &own),
		     "quiesce", err);
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
			uint64_t pause_ns)
{
	struct smi_layer_stats *stats = &save->layer.stats;

	stats->pause_ns = pause_ns;
	stats->pauses++;
	stats->paused_ns += pause_ns;
	stats->longest_pause_ns = max_u64(stats->longest_pause_ns, pause_ns);
	SMI_SYS_GUARD(&cp->lock);
	cp->stats.last_pause_ns = pause_ns;
	cp->stats.longest_pause_ns =
		max_u64(cp->stats.longest_pause_ns, pause_ns);
	cp->stats.pauses++;
	cp->stats.paused_ns += pause_ns;
}

/* @work: what is done while the machine is paused. */
static int with_pause(struct smudge_checkpointer *cp, struct smi_save *save,
		      int (*work)(struct smudge_checkpointer *cp,
				  struct smi_save *save,
				  struct smudge_error *err),
		      struct smudge_error *err)
{
	uint64_t start_ns = smi_sys_now_ns();
	int ret = smi_save_check(save, err);
	int resumed;

	if (!ret)
		ret = quiesce(cp, err);
	if (ret < 0)
		return ret;
	if (save->options.pause_deadline_ns)
		save->deadline_ns = start_ns + save->options.pause_deadline_ns;
	save->is_paused = true;
	ret = work(cp, save, err);
	save->is_paused = false;
	save->deadline_ns = 0;
	resumed = resume(cp, err);
	save->resumed_ns = smi_sys_now_ns();
	count_pause(cp, save, save->resumed_ns - start_ns);
	return ret ? ret : resumed;
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
 * The state comes first, since saving it may write memory, which belongs to the
 * same moment.
 */
static int copy_moment(struct smudge_checkpointer *cp, struct smi_save *save,
		       struct smudge_error *err)
{
	uint64_t before = save->pieces.data_pages;
	int ret = save_state(cp, err);

	save->layer.stats.time_ns = realtime_ns();
	if (!ret)
		ret = smi_save_pass(cp, save, SMI_PASS_LAST, err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&cp->lock);
	smi_queue_move_blobs(cp, save);
	cp->last_pages = save->pieces.data_pages - before;
	cp->stats.copied_pages += cp->last_pages;
	return 0;
}

int smi_save_pause_and_copy(struct smudge_checkpointer *cp,
			    struct smi_save *save, struct smudge_error *err)
{
	return with_pause(cp, save, copy_moment, err);
}

int smi_save_pause_and_rearm(struct smudge_checkpointer *cp,
			     struct smi_save *save, struct smudge_error *err)
{
	return with_pause(cp, save, smi_save_rearm, err);
}
