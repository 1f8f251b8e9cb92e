/* SPDX-License-Identifier: MIT */
/*
 * A small emulator: its store path marks what it wrote, its screen refresh
 * takes what has changed, and taking makes the next store mark again. Exits 1
 * if a refresh draws the wrong pages.
 */
#include "phys_ram_dirty.h"

enum {
	PAGE = 4096,
	NPAGES = 1000,
	VRAM = 300 * PAGE,
	END = 400 * PAGE
};

static _Alignas(PAGE) uint8_t ram[NPAGES * PAGE];
static bool asks[NPAGES]; /* the TLB: one entry per page; true: marks */

static void store(struct phys_ram_dirty *d, uint64_t addr, uint8_t value)
{
	ram[addr] = value;
	if (asks[addr / PAGE])
		phys_ram_set_dirty(d, addr);
	asks[addr / PAGE] = false;
}

static void tlb_reset_dirty(void *opaque, uint64_t start, uint64_t length_bytes)
{
	for (uint64_t addr = start; addr < start + length_bytes; addr += PAGE)
		asks[addr / PAGE] = true;
}

static uint64_t vga_refresh(struct phys_ram_dirty *d)
{
	uint64_t addr = VRAM, drawn = 0, n;

	for (; addr < END; addr += n) {
		addr += phys_ram_get_non_dirty_range(d, addr, END, 0x01);
		n = phys_ram_get_dirty_range(d, addr, END, 0x01);
		if (phys_ram_reset_dirty(d, addr, addr + n, 0x01, NULL) < 0)
			break; /* the next refresh draws the rest */
		drawn += n;    /* draw ram[addr] to ram[addr + n - 1] here */
	}
	return drawn;
}

int main(void)
{
	struct smudge_region_options pc_ram = {.size = sizeof(pc_ram),
					       .name = "ram",
					       .hva = ram,
					       .size_bytes = sizeof(ram)};
	struct phys_ram_tlb tlb = {.reset_dirty = tlb_reset_dirty};
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct phys_ram_dirty *d;

	if (smudge_memory_create(&memory) ||
	    smudge_region_add(memory, &pc_ram, &region, NULL) ||
	    phys_ram_create(memory, &tlb, &d) ||
	    phys_ram_start_tracking(d, VGA_DIRTY_FLAG, NULL))
		return 2;
	bool ok = vga_refresh(d) == END - VRAM && vga_refresh(d) == 0;

	store(d, VRAM + 5, 1);
	store(d, VRAM + 70 * PAGE, 1);
	ok = ok && vga_refresh(d) == 2 * PAGE && vga_refresh(d) == 0;
	phys_ram_destroy(d);
	return smudge_memory_destroy(memory, NULL) || !ok;
}
