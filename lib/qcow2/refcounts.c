/* SPDX-License-Identifier: MIT */
/*
 * How often each cluster is used.
 */
#include "qcow2/refcounts.h"

#include "qcow2/entry.h"

static uint64_t ceil_div(uint64_t n, uint64_t by)
{
	return n / by + (n % by != 0);
}

struct smi_qcow2_refcounts_size smi_qcow2_refcounts_size(uint64_t nclusters)
{
	struct smi_qcow2_refcounts_size size = {0}, before;

	/* They count themselves, so once more until nothing grows. */
	do {
		before = size;
		size.nblocks = ceil_div(nclusters + before.nblocks +
						before.table_clusters,
					SMI_QCOW2_BLOCK_CLUSTERS);
		size.table_clusters =
			ceil_div(size.nblocks, SMI_QCOW2_TABLE_ENTRIES);
	} while (size.nblocks != before.nblocks ||
		 size.table_clusters != before.table_clusters);
	return size;
}

/*
 * No count overflows: a cluster has one raw page, or compressed ones of more
 * than 7 bytes each, as a zstd frame has that many beside its content.
 */
static void count_table(const uint64_t *table, uint16_t *counts)
{
	for (uint64_t i = 0; i < SMI_QCOW2_TABLE_ENTRIES; i++) {
		uint64_t cluster, last;

		if (!smi_qcow2_entry_is_data(table[i]))
			continue;
		cluster = smi_qcow2_entry_first_cluster(table[i]);
		last = smi_qcow2_entry_last_cluster(table[i]);
		for (; cluster <= last; cluster++)
			counts[cluster]++;
	}
}

void smi_qcow2_refcounts_count(const struct smi_qcow2_map *map,
			       uint16_t *counts)
{
	for (uint64_t i = 0; i < map->ntables; i++) {
		if (smi_qcow2_map_is_own(map, i))
			count_table(map->tables[i], counts);
	}
}
