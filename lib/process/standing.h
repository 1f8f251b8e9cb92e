/* SPDX-License-Identifier: MIT */
/*
 * A process that smudge_process_stop stopped.
 */
#ifndef LIB_PROCESS_STANDING_H
#define LIB_PROCESS_STANDING_H

#include "process/objects.h"

/*
 * smi_standing_end - let it run, if it stands
 *
 * Return: 0, or as smudge_process_continue.
 */
int smi_standing_end(struct smudge_process *process);

/* Add the time that it stands now. process->lock is held. */
void smi_standing_stats(const struct smudge_process *process,
			struct smudge_process_stats *stats);

#endif
