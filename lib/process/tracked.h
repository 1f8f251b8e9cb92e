/* SPDX-License-Identifier: MIT */
/*
 * Which area has an address? process->lock is held.
 */
#ifndef LIB_PROCESS_TRACKED_H
#define LIB_PROCESS_TRACKED_H

#include "process/objects.h"

/* The first area that ends behind @address, or NULL. */
struct smi_area *smi_area_after(const struct smudge_process *process,
				uint64_t address);

/* Is the page at @start tracked, as the object that it is now? */
bool smi_is_tracked(const struct smudge_process *process, uint64_t start,
		    const struct smi_object *object, const char *name);

#endif
