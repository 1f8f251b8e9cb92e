/* SPDX-License-Identifier: MIT */
/*
 * A memory with one region, and all that smudge_region_next_populated says of
 * it, without cmocka's assertions, so that a child may use it.
 */
#ifndef TESTS_KERNEL_POPULATED_RIG_H
#define TESTS_KERNEL_POPULATED_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/smudge.h>

/* A condition that must hold, in a child that may not use assertions. */
#define CHECK(condition)                                                   \
	do {                                                               \
		if (!(condition)) {                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
				#condition);                               \
			return false;                                      \
		}                                                          \
	} while (0)

struct populated_rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	uint64_t npages;
	uint8_t *is_populated; /* a byte per page of the region */
	uint64_t ncalls;       /* of the last populated_ask */
};

/*
 * Anonymous memory of pages of 4 KiB, with the flags of mmap(2). Not of huge
 * pages, of which a touch populates 2 MiB. Return: as mmap.
 */
void *populated_map(uint64_t npages, int flags);

bool populated_open(struct populated_rig *rig, void *ram, uint64_t npages,
		    unsigned int page_shift);
bool populated_close(struct populated_rig *rig);

/* Ask for [first, end), of which is_populated has the answer then. */
bool populated_ask(struct populated_rig *rig, uint64_t first, uint64_t end);
uint64_t populated_count(const struct populated_rig *rig);

#endif
