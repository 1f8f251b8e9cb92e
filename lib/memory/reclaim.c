/* SPDX-License-Identifier: MIT */
/*
 * The list of what left a memory, and its end after a grace period.
 */
#include "memory/reclaim.h"

#include "sys/rcu.h"

void smi_reclaim_later(struct smudge_memory *memory,
		       struct smi_retired *retired,
		       void (*free_it)(struct smudge_memory *memory,
				       struct smi_retired *retired))
{
	retired->free_it = free_it;
	retired->next = memory->retired;
	memory->retired = retired;
	memory->nretired++;
}

void smi_reclaim_now(struct smudge_memory *memory)
{
	struct smi_retired *retired = memory->retired;

	memory->retired = NULL;
	memory->nretired = 0;
	while (retired) {
		struct smi_retired *next = retired->next;

		retired->free_it(memory, retired);
		retired = next;
	}
}

bool smi_reclaim_wait(struct smudge_memory *memory)
{
	if (!smi_sys_rcu_synchronize())
		return false;
	smi_reclaim_now(memory);
	return true;
}
