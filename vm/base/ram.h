/* SPDX-License-Identifier: MIT */
/*
 * Guest RAM as pieces of guest physical memory. The machine maps them; the
 * engines, the loader and the devices see the same table.
 */
#ifndef VM_BASE_RAM_H
#define VM_BASE_RAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smudge_region;

#define RAM_MAX_PIECES 3
#define RAM_PAGE_SHIFT 12

struct ram_piece {
	const char *name; /* "ram-low", "vram", "ram-high": stable names */
	bool is_vram;	  /* the framebuffer: nothing is loaded there */
	uint64_t gpa;
	uint64_t size_bytes;
	uint8_t *hva;
	uint32_t slot;		      /* KVM memory slot, same on all engines */
	struct smudge_region *region; /* in machine_memory() */
};

/* Ascending guest physical addresses; the first piece begins at 0. */
struct ram {
	struct ram_piece pieces[RAM_MAX_PIECES];
	size_t npieces;
};

/* The piece that holds all of [gpa, gpa + len_bytes), or NULL. */
const struct ram_piece *ram_find(const struct ram *ram, uint64_t gpa,
				 uint64_t len_bytes);

/* The host address of [gpa, gpa + len_bytes), or NULL: not in one piece. */
uint8_t *ram_at(const struct ram *ram, uint64_t gpa, uint64_t len_bytes);

#endif
