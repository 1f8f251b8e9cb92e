/* SPDX-License-Identifier: MIT */
/*
 * What tracking a process costs, and what is not tracked.
 */
#include <smudge/process.h>

#include <errno.h>
#include <unistd.h>

#include "process/attachment.h"
#include "process/standing.h"
#include "sys/guard.h"
#include "sys/options.h"

/* Why a source cannot arm its area, or 0. */
static int lost_code(const struct smi_area *area)
{
	/* Relaxed: it may change at any harvest. */
	return atomic_load_explicit(&area->lost_code, memory_order_relaxed);
}

static void count_untracked(const struct smudge_process *process,
			    struct smudge_process_stats *now)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < process->nareas; i++) {
		const struct smi_area *area = process->areas[i];

		if (!lost_code(area))
			continue;
		now->untracked_mappings++;
		bytes += area->end - area->start;
	}
	for (size_t i = 0; i < process->nleft_out; i++)
		bytes += process->left_out[i].end - process->left_out[i].start;
	now->untracked_mappings += process->nleft_out;
	now->untracked_pages = bytes / (uint64_t)sysconf(_SC_PAGESIZE);
}

int smudge_process_stats(struct smudge_process *process,
			 struct smudge_process_stats *stats)
{
	SMI_SYS_GUARD(&process->lock);
	struct smudge_process_stats now = process->stats;

	now.nregions = process->nareas;
	if (process->attachment)
		smi_attachment_stats(process->attachment, &now);
	smi_standing_stats(process, &now);
	count_untracked(process, &now);
	return smi_sys_stats_copy(
		stats, &now,
		SMI_SYS_SHAPE(smudge_process_stats, untracked_pages));
}

static const char *lost_reason(int code)
{
	if (code == -EBUSY)
		return "it is registered with a userfaultfd of the process's "
		       "own";
	if (code == -EOPNOTSUPP)
		return "soft-dirty bits do not tell what is written there: it "
		       "is shared, of hugetlbfs, or of a file that cannot be "
		       "reached";
	return "the kernel refuses to register or to protect it";
}

void smudge_process_each_untracked(
	struct smudge_process *process,
	void (*each)(void *opaque,
		     const struct smudge_process_untracked *untracked),
	void *opaque)
{
	struct smudge_process_untracked u = {.size = sizeof(u)};

	SMI_SYS_GUARD(&process->lock);
	for (size_t i = 0; i < process->nareas; i++) {
		const struct smi_area *area = process->areas[i];
		int code = lost_code(area);

		u.first_address = area->start;
		u.end_address = area->end;
		u.name = area->name;
		u.reason = lost_reason(code);
		u.is_dirty = true;
		if (code)
			each(opaque, &u);
	}
	for (size_t i = 0; i < process->nleft_out; i++) {
		const struct smi_left_out *left = &process->left_out[i];

		u.first_address = left->start;
		u.end_address = left->end;
		u.name = left->name;
		u.reason = left->reason;
		u.is_dirty = false;
		each(opaque, &u);
	}
}
