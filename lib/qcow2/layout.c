/* SPDX-License-Identifier: MIT */
/*
 * One after the other, in clusters.
 */
#include "qcow2/layout.h"

#include <string.h>

#include "qcow2/format.h"

static uint64_t ceil_div(uint64_t n, uint64_t by)
{
	return n / by + (n % by != 0);
}

static void count_tables(struct smi_qcow2_layout *layout,
			 const struct smi_qcow2_map *map)
{
	for (uint64_t i = 0; i < map->ntables; i++)
		layout->nl2 += map->tables[i] != NULL;
	/* An empty disk has a table too. */
	layout->l1_entries = map->ntables ? map->ntables : 1;
	layout->nl1 = ceil_div(layout->l1_entries, SMI_QCOW2_TABLE_ENTRIES);
}

void smi_qcow2_layout_init(struct smi_qcow2_layout *layout,
			   const struct smi_qcow2_map *map, uint64_t nclusters)
{
	memset(layout, 0, sizeof(*layout));
	count_tables(layout, map);
	layout->l2 = nclusters;
	layout->l1 = layout->l2 + layout->nl2;
	layout->table = layout->l1 + layout->nl1;
	layout->refcounts = smi_qcow2_refcounts_size(layout->table);
	layout->blocks = layout->table + layout->refcounts.table_clusters;
	layout->end = layout->blocks + layout->refcounts.nblocks;
}
