/* SPDX-License-Identifier: MIT */
/*
 * An area: its region, the source, and reading it.
 */
#ifndef LIB_PROCESS_AREA_H
#define LIB_PROCESS_AREA_H

#include "process/objects.h"
#include "process/wanted.h"

/*
 * smi_area_add - make a range of the process a region with a source
 * @w: what is mapped there; the range is a part of it
 *
 * State after failure: nothing is left.
 * Return: 0, -ENOMEM, or what smudge_region_add or _attach returned.
 */
int smi_area_add(struct smudge_process *process, const struct smi_wanted *w,
		 uint64_t start, uint64_t end, struct smudge_error *err);

/*
 * smi_area_let_go - detach and destroy the source; nothing remains in the
 *      process
 */
void smi_area_let_go(struct smi_area *area);

/*
 * smi_area_remove - the region goes, and the area with it
 *
 * Return: 0; -EBUSY, -ENOMEM: nothing has changed.
 */
int smi_area_remove(struct smudge_process *process, struct smi_area *area);

/* The end moves. Return: as smudge_region_resize. */
int smi_area_resize(struct smudge_process *process, struct smi_area *area,
		    uint64_t end);

#endif
