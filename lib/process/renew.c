/* SPDX-License-Identifier: MIT */
/*
 * Checking the attachment, and making the next one.
 */
#include "process/renew.h"

#include <errno.h>

#include "process/area.h"
#include "process/attachment.h"
#include "process/follow.h"
#include "process/hold.h"

#define WHERE "process"

/* The program is another one: all of the old one's areas go. */
static int attach_again(struct smudge_process *process,
			struct smudge_error *err)
{
	if (process->attachment) {
		process->stats.execs++;
		smi_attachment_stats(process->attachment, &process->stats);
		for (size_t i = 0; i < process->nareas; i++)
			smi_area_let_go(process->areas[i]);
		smi_attachment_let_go(process->attachment);
		smi_attachment_drop(process->attachment);
		process->attachment = NULL;
	}
	smi_process_remove_areas(process);
	return smi_attachment_make(process, err);
}

/* It executes nothing while it stands. */
static bool was_killed(const struct smudge_process *process)
{
	return process->hold && smi_hold_stands(process->hold);
}

int smi_process_renew(struct smudge_process *process, struct smudge_error *err)
{
	int ret = process->attachment ? smi_attachment_check(process, err)
				      : -ESTALE;

	if (ret == -ESTALE && was_killed(process))
		ret = smudge_error_set(err, -ESRCH, WHERE,
				       "process %d was killed while it stood",
				       (int)process->pid);
	if (ret == -ESTALE)
		ret = attach_again(process, err);
	if (ret == -ESRCH)
		process->stats.has_ended = true;
	return ret;
}
