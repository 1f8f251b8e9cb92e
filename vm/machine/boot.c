/* SPDX-License-Identifier: MIT */
/*
 * The boot half of the loader: what the guest finds in low memory, and the
 * registers it starts with.
 *
 * RAM is mapped one to one with 2 MiB pages, and with 1 GiB pages when there
 * is more than 128 GiB (every processor with that much memory has them), so
 * the tables stay below 1 MiB up to 512 GiB. Accessed and dirty bits are set
 * beforehand: no engine has a reason to write page tables. The hole between
 * 3 and 4 GiB is not mapped, but for the framebuffer in it, nor is anything
 * above RAM but the rest of its last large page. The Unicorn engine runs
 * guests on these very tables only.
 */
#include "machine/loader.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <smudge/error.h>

#define TABLE_BYTES	 UINT64_C(4096)
#define SHIFT_2M	 21
#define SHIFT_1G	 30
#define SHIFT_512G	 39
#define LARGE_FROM_BYTES (UINT64_C(128) << 30)

#define PTE_TABLE UINT64_C(0x23) /* present, writable, accessed */
#define PTE_PAGE  UINT64_C(0xe3) /* and dirty, large */

#define GDT_CODE64 UINT64_C(0x00af9b000000ffff)
#define GDT_DATA   UINT64_C(0x00cf93000000ffff)

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

uint64_t loader_tables_end(const struct ram *ram)
{
	uint64_t end = ram_end(ram);
	uint64_t tables = 1 + units(end, SHIFT_512G);

	if (!uses_1g_pages(end))
		tables += units(end, SHIFT_1G);
	return LOADER_TABLES_GPA + tables * TABLE_BYTES;
}

static void put_entry(uint8_t *table, uint64_t index, uint64_t value)
{
	uint8_t *entry = table + index * 8;
	unsigned int i;

	for (i = 0; i < 8; i++)
		entry[i] = (uint8_t)(value >> (8 * i));
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

void loader_write_tables(const struct ram *ram, uint8_t *tables)
{
	uint64_t end = ram_end(ram);
	uint64_t npdpt = units(end, SHIFT_512G);
	uint64_t pdpt_off = TABLE_BYTES;
	uint64_t pd_off = pdpt_off + npdpt * TABLE_BYTES;
	uint64_t i;

	memset(tables, 0, loader_tables_end(ram) - LOADER_TABLES_GPA);
	for (i = 0; i < npdpt; i++)
		put_entry(tables, i,
			  (LOADER_TABLES_GPA + pdpt_off + i * TABLE_BYTES) |
				  PTE_TABLE);
	if (uses_1g_pages(end)) {
		for (i = 0; i < ram->npieces; i++)
			map_piece(tables + pdpt_off, &ram->pieces[i], SHIFT_1G);
		return;
	}
	for (i = 0; i < units(end, SHIFT_1G); i++)
		put_entry(tables + pdpt_off, i,
			  (LOADER_TABLES_GPA + pd_off + i * TABLE_BYTES) |
				  PTE_TABLE);
	for (i = 0; i < ram->npieces; i++)
		map_piece(tables + pd_off, &ram->pieces[i], SHIFT_2M);
}

int loader_prepare_boot(const struct ram *ram, const char *cmdline,
			uint64_t entry, struct vcpu_state *ret,
			struct smudge_error *err)
{
	const struct vcpu_table gdt = {.base = LOADER_GDT_GPA,
				       .limit_bytes = 3 * 8 - 1};
	size_t len = strlen(cmdline);
	uint8_t *low = ram->pieces[0].hva;
	uint64_t ram_bytes = 0;
	size_t i;

	if (len > LOADER_CMDLINE_MAX)
		return smudge_error_set(err, -E2BIG, "loader",
					"The guest's command line has %zu "
					"bytes, more than the %d there is "
					"room for.",
					len, LOADER_CMDLINE_MAX);
	for (i = 0; i < ram->npieces; i++)
		ram_bytes +=
			ram->pieces[i].is_vram ? 0 : ram->pieces[i].size_bytes;
	put_entry(low + LOADER_GDT_GPA, 0, 0);
	put_entry(low + LOADER_GDT_GPA, 1, GDT_CODE64);
	put_entry(low + LOADER_GDT_GPA, 2, GDT_DATA);
	memcpy(low + LOADER_CMDLINE_GPA, cmdline, len + 1);
	loader_write_tables(ram, low + LOADER_TABLES_GPA);
	vcpu_state_init_long_mode(ret, entry, LOADER_STACK_TOP,
				  LOADER_TABLES_GPA, gdt);
	ret->gpr[VCPU_RDI] = LOADER_CMDLINE_GPA;
	ret->gpr[VCPU_RSI] = ram_bytes;
	return 0;
}
