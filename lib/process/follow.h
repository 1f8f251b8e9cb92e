/* SPDX-License-Identifier: MIT */
/*
 * Regions follow the process's mappings.
 */
#ifndef LIB_PROCESS_FOLLOW_H
#define LIB_PROCESS_FOLLOW_H

#include "process/objects.h"

/*
 * smi_process_follow - compare the mappings with the areas, and make the areas
 *      what they should be. process->lock held; attached
 *
 * A mapping that cannot be a region is left out, and named.
 * State after failure: what was not compared stays as it is.
 * Return: 0, or as smi_process_maps_read; -ENOMEM.
 */
int smi_process_follow(struct smudge_process *process,
		       struct smudge_error *err);

/* Remove all areas that can be; those that are busy stay. */
void smi_process_remove_areas(struct smudge_process *process);

void smi_process_free_left_out(struct smudge_process *process);

#endif
