/* SPDX-License-Identifier: MIT */
/*
 * Memory between guard pages: a read or store outside it ends the test.
 */
#ifndef TESTS_SUPPORT_ARENA_H
#define TESTS_SUPPORT_ARENA_H

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support.h"

/* @bytes between two pages that must not be touched. */
struct arena {
	uint8_t *start, *end;
	size_t guard;
};

static inline struct arena arena_create(size_t bytes)
{
	struct arena arena = {.guard = (size_t)sysconf(_SC_PAGESIZE)};
	uint8_t *map;

	bytes = (bytes + arena.guard - 1) / arena.guard * arena.guard;
	map = mmap(NULL, bytes + 2 * arena.guard, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(map != MAP_FAILED);
	arena.start = map + arena.guard;
	arena.end = arena.start + bytes;
	assert_int_equal(mprotect(arena.start, bytes, PROT_READ | PROT_WRITE),
			 0);
	return arena;
}

static inline void arena_destroy(struct arena *arena)
{
	munmap(arena->start - arena->guard,
	       (size_t)(arena->end - arena->start) + 2 * arena->guard);
}

/* @nwords against the front guard or the back one, in turn. */
static inline uint64_t *arena_words(struct arena *arena, unsigned int turn,
				    size_t nwords)
{
	uint8_t *at = turn & 1 ? arena->start : arena->end - nwords * 8;

	return (uint64_t *)(void *)at;
}

#endif
