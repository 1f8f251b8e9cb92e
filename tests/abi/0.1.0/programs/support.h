/* SPDX-License-Identifier: MIT */
/*
 * What the programs for old headers share. They are built without the tree's
 * test support, which changes with the tree.
 */
#ifndef TESTS_ABI_PROGRAMS_SUPPORT_H
#define TESTS_ABI_PROGRAMS_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <smudge/smudge.h>

enum {
	PAGE = 4096,
	NPAGES = 256
};

/* Ends the program with status 1 if it is not so. */
#define NEED(what)                                                       \
	do {                                                             \
		if (!(what)) {                                           \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
				__LINE__, #what);                        \
			exit(1);                                         \
		}                                                        \
	} while (0)

struct world {
	struct smudge_memory *memory;
	struct smudge_region *region;
	unsigned char *pages;
};

/* A memory with one region of NPAGES pages at gpa 0. */
static inline void world_open(struct world *world)
{
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "ram",
						.size_bytes = NPAGES * PAGE};

	world->pages = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(world->pages != MAP_FAILED);
	options.hva = world->pages;
	NEED(smudge_memory_create(&world->memory) == 0);
	NEED(smudge_region_add(world->memory, &options, &world->region, NULL) ==
	     0);
}

static inline void world_close(struct world *world)
{
	NEED(smudge_region_remove(world->region, NULL) == 0);
	NEED(smudge_memory_destroy(world->memory, NULL) == 0);
	NEED(munmap(world->pages, NPAGES * PAGE) == 0);
}

#endif
