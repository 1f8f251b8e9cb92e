/* SPDX-License-Identifier: MIT */
/*
 * What left a memory: views, tables, regions. It is freed after a grace
 * period. Where none could be waited for, since every barrier was refused, it
 * stays in the memory's list until a later grace period, or the memory's end.
 */
#include "memory/memory.h"

#include "sys/rcu.h"

void smi_memory_retire(struct smudge_memory *memory, struct smi_gone *gone,
		       void (*free_it)(struct smudge_memory *memory,
				       struct smi_gone *gone))
{
	gone->free_it = free_it;
	gone->next = memory->gone;
	memory->gone = gone;
	memory->ngone++;
}

void smi_memory_free_gone(struct smudge_memory *memory)
{
	struct smi_gone *gone = memory->gone;

	memory->gone = NULL;
	memory->ngone = 0;
	while (gone) {
		struct smi_gone *next = gone->next;

		gone->free_it(memory, gone);
		gone = next;
	}
}

bool smi_memory_synchronize(struct smudge_memory *memory)
{
	if (!smi_sys_rcu_synchronize())
		return false;
	smi_memory_free_gone(memory);
	return true;
}
