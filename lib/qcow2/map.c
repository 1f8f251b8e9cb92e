/* SPDX-License-Identifier: MIT */
/*
 * The L2 tables of an image that is written.
 */
#include "qcow2/map.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "qcow2/entry.h"
#include "qcow2/format.h"

int smi_qcow2_map_init(struct smi_qcow2_map *map, uint64_t npages,
		       bool has_backing)
{
	memset(map, 0, sizeof(*map));
	map->npages = npages;
	map->has_backing = has_backing;
	map->ntables = npages / SMI_QCOW2_TABLE_ENTRIES +
		       (npages % SMI_QCOW2_TABLE_ENTRIES != 0);
	for (size_t i = 0; i < SMI_QCOW2_TABLE_ENTRIES; i++)
		map->all_zeros[i] = SMI_QCOW2_ZERO;
	/* One more, so that an empty disk has something to free. */
	map->tables = calloc(map->ntables + 1, sizeof(*map->tables));
	return map->tables ? 0 : -ENOMEM;
}

void smi_qcow2_map_clear(struct smi_qcow2_map *map)
{
	for (uint64_t i = 0; map->tables && i < map->ntables; i++) {
		if (smi_qcow2_map_is_own(map, i))
			free(map->tables[i]);
	}
	free(map->tables);
	memset(map, 0, sizeof(*map));
}

uint64_t smi_qcow2_map_get(const struct smi_qcow2_map *map, uint64_t page)
{
	const uint64_t *table = map->tables[page / SMI_QCOW2_TABLE_ENTRIES];

	return table ? table[page % SMI_QCOW2_TABLE_ENTRIES] : 0;
}

/* Make a table that can be written. NULL: no memory. */
static uint64_t *make_own(struct smi_qcow2_map *map, uint64_t index)
{
	uint64_t *table;

	if (smi_qcow2_map_is_own(map, index))
		return map->tables[index];
	table = calloc(SMI_QCOW2_TABLE_ENTRIES, sizeof(*table));
	if (!table)
		return NULL;
	if (smi_qcow2_map_is_zeros(map, index))
		memcpy(table, map->all_zeros, sizeof(map->all_zeros));
	map->tables[index] = table;
	return table;
}

static void replace(struct smi_qcow2_map *map, uint64_t *at, uint64_t entry)
{
	map->data_pages -= smi_qcow2_entry_is_data(*at);
	map->compressed_pages -= smi_qcow2_entry_is_compressed(*at);
	*at = entry;
	map->data_pages += smi_qcow2_entry_is_data(entry);
	map->compressed_pages += smi_qcow2_entry_is_compressed(entry);
}

int smi_qcow2_map_set(struct smi_qcow2_map *map, uint64_t page, uint64_t entry)
{
	uint64_t *table = make_own(map, page / SMI_QCOW2_TABLE_ENTRIES);

	if (!table)
		return -ENOMEM;
	replace(map, &table[page % SMI_QCOW2_TABLE_ENTRIES], entry);
	return 0;
}

/* All pages of a table, which is freed if it was the map's own. */
static void zero_table(struct smi_qcow2_map *map, uint64_t index)
{
	uint64_t *table = map->tables[index];

	if (smi_qcow2_map_is_own(map, index)) {
		for (size_t i = 0; i < SMI_QCOW2_TABLE_ENTRIES; i++)
			replace(map, &table[i], 0);
		free(table);
	}
	map->tables[index] = map->has_backing ? map->all_zeros : NULL;
}

/* Some pages of a table. */
static int zero_part(struct smi_qcow2_map *map, uint64_t index, uint64_t first,
		     uint64_t npages)
{
	uint64_t *table = map->tables[index];

	if (table == map->all_zeros || (!table && !map->has_backing))
		return 0;
	table = make_own(map, index);
	if (!table)
		return -ENOMEM;
	for (uint64_t i = first; i < first + npages; i++)
		replace(map, &table[i], map->has_backing ? SMI_QCOW2_ZERO : 0);
	return 0;
}

int smi_qcow2_map_zero(struct smi_qcow2_map *map, uint64_t first_page,
		       uint64_t npages)
{
	while (npages) {
		uint64_t index = first_page / SMI_QCOW2_TABLE_ENTRIES;
		uint64_t first = first_page % SMI_QCOW2_TABLE_ENTRIES;
		uint64_t n = SMI_QCOW2_TABLE_ENTRIES - first;
		int ret = 0;

		n = n < npages ? n : npages;
		if (n == SMI_QCOW2_TABLE_ENTRIES)
			zero_table(map, index);
		else
			ret = zero_part(map, index, first, n);
		if (ret < 0)
			return ret;
		first_page += n;
		npages -= n;
	}
	return 0;
}
