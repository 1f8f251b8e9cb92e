/* SPDX-License-Identifier: MIT */
/*
 * A memory with the regions of a moment, of each kind that a restore meets.
 */
#ifndef TESTS_UNIT_CHECKPOINT_RESTORE_RIG_H
#define TESTS_UNIT_CHECKPOINT_RESTORE_RIG_H

#include <stdbool.h>

#include <smudge/checkpoint.h>

#include "moments.h"

enum restore_kind {
	RESTORE_PRIVATE,
	RESTORE_SHARED,
	RESTORE_MEMFD_PRIVATE, /* a discard would bring the file's content */
	RESTORE_LOCKED,	       /* shared and locked: no discard */
	RESTORE_HUGETLB,       /* holes are huge pages; or RESTORE_PRIVATE */
	RESTORE_NKINDS
};

struct restore_rig {
	struct smudge_memory *memory;
	struct smudge_region *regions[MOMENTS_REGIONS]; /* NULL: none */
	uint8_t *map[MOMENTS_REGIONS];			/* that ram is in */
	uint8_t *ram[MOMENTS_REGIONS];
	uint64_t npages[MOMENTS_REGIONS]; /* of 4 KiB */
};

/* @content: of each byte at first; 0: never touched. */
void restore_open(struct restore_rig *rig, const struct moment *moment,
		  enum restore_kind kind, uint8_t content);
void restore_close(struct restore_rig *rig);

/* The memory holds the moment. */
void restore_check(const struct restore_rig *rig, const struct moment *moment);

/* How many pages are in memory. */
uint64_t restore_resident(const struct restore_rig *rig);

#endif
