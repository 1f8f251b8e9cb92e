/* SPDX-License-Identifier: MIT */
/*
 * Memory whose content is dropped, tracked by the userfaultfd source for one
 * client. For bodies of run_as: nothing here asserts, all return false and
 * print what went wrong.
 */
#ifndef TESTS_KERNEL_DROPS_RIG_H
#define TESTS_KERNEL_DROPS_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <smudge/client.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#define PAGE 4096

struct drops_rig {
	uint8_t *ram;
	uint64_t npages;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_client *client;
	struct smudge_source_stats stats;
};

/* A condition that must hold, in a child that may not use assertions. */
#define CHECK(condition)                                                   \
	do {                                                               \
		if (!(condition)) {                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
				#condition);                               \
			return false;                                      \
		}                                                          \
	} while (0)

bool drops_harvest(struct drops_rig *r);
bool drops_clean(struct drops_rig *r);

/* Track r->npages at r->ram; all pages are clean, or prove to be. */
bool drops_start_tracking(struct drops_rig *r);
bool drops_open_rig(struct drops_rig *r);
bool drops_close_rig(struct drops_rig *r);

/* A private memfd whose first half was stored to, tracked. */
bool drops_open_private(struct drops_rig *r, uint64_t npages);

bool drops_is_dirty(const struct drops_rig *r, uint64_t page);

/* Exactly the pages are dirty; then they are clean. */
bool drops_expect(struct drops_rig *r, const uint64_t *pages, size_t n);

/* Fill r->stats. */
bool drops_read_stats(struct drops_rig *r);

/* madvise(2) of one page. */
bool drops_drop(struct drops_rig *r, uint64_t page, int advice);

/* Address space, and what is mapped into it. */
uint8_t *drops_reserve(uint64_t npages);
uint8_t *drops_map_at(uint8_t *at, uint64_t npages, int flags, int fd);
int drops_memfd(uint64_t npages);

#endif
