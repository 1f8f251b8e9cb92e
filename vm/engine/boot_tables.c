/* SPDX-License-Identifier: MIT */
/*
 * The page tables that a guest begins with.
 *
 * RAM is mapped one to one with 2 MiB pages, and with 1 GiB pages when there
 * is more than 128 GiB (every processor with that much memory has them), so
 * the tables stay below 1 MiB up to 512 GiB. Accessed and dirty bits are set
 * beforehand, so no engine has a reason to write the tables. Of the hole
 * between 3 and 4 GiB only the framebuffer is mapped. Above RAM only the rest
 * of its last large page is mapped.
 */
#include "engine/boot_tables.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

#define TABLE_BYTES	 UINT64_C(4096)
#define SHIFT_2M	 21
#define SHIFT_1G	 30
#define SHIFT_512G	 39
#define LARGE_FROM_BYTES (UINT64_C(128) << 30)

#define PTE_TABLE UINT64_C(0x23) /* present, writable, accessed */
#define PTE_PAGE  UINT64_C(0xe3) /* and dirty, large */

static uint64_t units(uint64_t bytes, unsigned int shift)
{
	return (bytes + (UINT64_C(1) << shift) - 1) >> shift;
}

static uint64_t ram_end(const struct ram *ram)
{
	const struct ram_piece *last = &ram->pieces[ram->npieces - 1];

	return last->gpa + last->size_bytes;
}

static bool uses_1g_pages(uint64_t end)
{
	return end > LARGE_FROM_BYTES;
}

uint64_t boot_tables_end(const struct ram *ram)
{
	uint64_t end = ram_end(ram);
	uint64_t tables = 1 + units(end, SHIFT_512G);

	if (!uses_1g_pages(end))
		tables += units(end, SHIFT_1G);
	return BOOT_TABLES_GPA + tables * TABLE_BYTES;
}

static void put_entry(uint8_t *table, uint64_t index, uint64_t value)
{
	vm_store64(table + index * 8, value);
}

/* Large pages over one piece of RAM, in consecutive tables from @tables. */
static void map_piece(uint8_t *tables, const struct ram_piece *piece,
		      unsigned int shift)
{
	uint64_t page = piece->gpa >> shift;
	uint64_t end = units(piece->gpa + piece->size_bytes, shift);

	for (; page < end; page++)
		put_entry(tables, page, page << shift | PTE_PAGE);
}

void boot_tables_write(const struct ram *ram, uint8_t *tables)
{
	uint64_t end = ram_end(ram);
	uint64_t npdpt = units(end, SHIFT_512G);
	uint64_t pdpt_off = TABLE_BYTES;
	uint64_t pd_off = pdpt_off + npdpt * TABLE_BYTES;

	memset(tables, 0, boot_tables_end(ram) - BOOT_TABLES_GPA);
	for (uint64_t i = 0; i < npdpt; i++)
		put_entry(tables, i,
			  (BOOT_TABLES_GPA + pdpt_off + i * TABLE_BYTES) |
				  PTE_TABLE);
	if (uses_1g_pages(end)) {
		for (uint64_t i = 0; i < ram->npieces; i++)
			map_piece(tables + pdpt_off, &ram->pieces[i], SHIFT_1G);
		return;
	}
	for (uint64_t i = 0; i < units(end, SHIFT_1G); i++)
		put_entry(tables + pdpt_off, i,
			  (BOOT_TABLES_GPA + pd_off + i * TABLE_BYTES) |
				  PTE_TABLE);
	for (uint64_t i = 0; i < ram->npieces; i++)
		map_piece(tables + pd_off, &ram->pieces[i], SHIFT_2M);
}
