/* SPDX-License-Identifier: MIT */
/*
 * Looking for areas, which ascend.
 */
#include "process/tracked.h"

#include "process/object.h"

struct smi_area *smi_area_after(const struct smudge_process *process,
				uint64_t address)
{
	size_t low = 0, high = process->nareas;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (process->areas[middle]->end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < process->nareas ? process->areas[low] : NULL;
}

static const struct smi_area *area_at(const struct smudge_process *process,
				      uint64_t address)
{
	const struct smi_area *area = smi_area_after(process, address);

	return area && area->start <= address ? area : NULL;
}

bool smi_is_tracked(const struct smudge_process *process, uint64_t start,
		    const struct smi_object *object, const char *name)
{
	const struct smi_area *area = area_at(process, start);

	return area && area->attachment == process->attachment &&
	       smi_object_continues(&area->object, area->name, object, name,
				    start - area->start);
}
