/* SPDX-License-Identifier: MIT */
/*
 * The table of a memory's regions: copies with a region more or less.
 */
#include "memory/table.h"

#include <stdlib.h>

#include "memory/reclaim.h"

static struct smi_region_table *new_table(size_t max)
{
	struct smi_region_table *table =
		malloc(sizeof(*table) + max * sizeof(table->regions[0]));

	if (table)
		table->n = 0;
	return table;
}

struct smi_region_table *smi_table_with(const struct smi_region_table *old,
					struct smudge_region *region)
{
	struct smi_region_table *table = new_table(old->n + 1);
	size_t i = 0;

	if (!table)
		return NULL;
	while (i < old->n && old->regions[i]->gpa <= region->gpa)
		table->regions[table->n++] = old->regions[i++];
	table->regions[table->n++] = region;
	while (i < old->n)
		table->regions[table->n++] = old->regions[i++];
	return table;
}

struct smi_region_table *smi_table_without(const struct smi_region_table *old,
					   const struct smudge_region *region)
{
	struct smi_region_table *table = new_table(old->n);

	for (size_t i = 0; table && i < old->n; i++) {
		if (old->regions[i] != region)
			table->regions[table->n++] = old->regions[i];
	}
	return table;
}

static void free_retired(struct smudge_memory *memory,
			 struct smi_retired *retired)
{
	free(retired); /* first member */
}

void smi_table_publish(struct smudge_memory *memory,
		       struct smi_region_table *table)
{
	struct smi_region_table *old = smi_memory_table(memory);

	/* Release pairs with the acquire in smudge_memory_mark_gpa. */
	atomic_store_explicit(&memory->table, table, memory_order_release);
	smi_reclaim_later(memory, &old->retired, free_retired);
}
