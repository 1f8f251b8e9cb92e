/* SPDX-License-Identifier: MIT */
/*
 * Memory that has a userfaultfd of the process's own, and memory that the
 * kernel may drop (MAP_DROPPABLE, in which glibc 2.41 has its random numbers),
 * look in /proc/PID/maps as any other does. So what is in an area that cannot
 * be armed is tried mapping by mapping.
 */
#include "process/apart.h"

#include <errno.h>

#include "common/range.h"
#include "process/tracked.h"
#include "source/uffd.h"

static bool is_lost(const struct smudge_process *process,
		    const struct smi_area *area)
{
	/* Relaxed: it may change at any harvest. */
	return area->attachment == process->attachment &&
	       !area->attachment->soft &&
	       atomic_load_explicit(&area->lost_code, memory_order_relaxed);
}

static bool is_refused(const struct smudge_process *process, uint64_t start,
		       uint64_t end)
{
	int ret = smi_uffd_try_register(&process->attachment->uffd, start, end,
					NULL);

	return ret < 0 && ret != -ENOMEM && ret != -ESRCH;
}

/* Nothing but what is in such an area is tried: the rest is registered. */
bool smi_is_apart(const struct smudge_process *process,
		  const struct smi_process_mapping *m)
{
	const struct smi_area *area = smi_area_after(process, m->start);

	for (; area && area->start < m->end;
	     area = smi_area_after(process, area->end)) {
		if (is_lost(process, area) &&
		    is_refused(process, max_u64(m->start, area->start),
			       min_u64(m->end, area->end)))
			return true;
	}
	return false;
}
