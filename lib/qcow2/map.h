/* SPDX-License-Identifier: MIT */
/*
 * Where the pages of an image are, while it is written: the L2 tables in
 * memory, for those parts of the disk that have any entry.
 *
 * Cost: 8 bytes per page where something is written, in tables of 512 pages,
 * and 8 bytes per table of the whole disk. A table whose pages all read as
 * zeros costs no memory: all such are one, until they are in the file.
 *
 * Threads: one at a time.
 */
#ifndef LIB_QCOW2_MAP_H
#define LIB_QCOW2_MAP_H

#include <stdbool.h>
#include <stdint.h>

struct smi_qcow2_map {
	uint64_t npages;   /* of the virtual disk */
	uint64_t ntables;  /* entries of the L1 table */
	uint64_t **tables; /* NULL: no entry; else owned, or all_zeros */
	bool has_backing;  /* zeros must hide what is below */
	uint64_t data_pages, compressed_pages;
	uint64_t all_zeros[512];
};

/* Return: 0, -ENOMEM. */
int smi_qcow2_map_init(struct smi_qcow2_map *map, uint64_t npages,
		       bool has_backing);
void smi_qcow2_map_clear(struct smi_qcow2_map *map);

static inline bool smi_qcow2_map_is_zeros(const struct smi_qcow2_map *map,
					  uint64_t table)
{
	return map->tables[table] == map->all_zeros;
}

/* Is it a table of its own, with entries of any kind? */
static inline bool smi_qcow2_map_is_own(const struct smi_qcow2_map *map,
					uint64_t table)
{
	return map->tables[table] && map->tables[table] != map->all_zeros;
}

/* The entry of a page of the disk. */
uint64_t smi_qcow2_map_get(const struct smi_qcow2_map *map, uint64_t page);

/*
 * smi_qcow2_map_set - replace the entry of a page of the disk
 * @entry: of data
 * Return: 0, -ENOMEM (nothing changed).
 */
int smi_qcow2_map_set(struct smi_qcow2_map *map, uint64_t page, uint64_t entry);

/*
 * smi_qcow2_map_zero - let pages of the disk read as zeros: by the zero flag
 *      over a backing file, else without an entry
 * Return: 0, -ENOMEM (some pages may be done).
 */
int smi_qcow2_map_zero(struct smi_qcow2_map *map, uint64_t first_page,
		       uint64_t npages);

#endif
