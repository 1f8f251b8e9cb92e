/* SPDX-License-Identifier: MIT */
/*
 * A region whose end moves, over any source that follows it: what each such
 * source must do.
 */
#ifndef TESTS_KERNEL_RESIZE_RIG_H
#define TESTS_KERNEL_RESIZE_RIG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/client.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#include "support.h"

#define RESIZE_PAGE	  4096
#define RESIZE_NPAGES	  1000
#define RESIZE_MAX_NPAGES 5000

struct resize_rig {
	/* Set by the test: makes a source, or fails or skips the test. */
	struct smudge_source *(*make)(struct resize_rig *r);
	bool is_exact; /* it reports no page that was not written */

	uint8_t *ram; /* RESIZE_MAX_NPAGES of addresses, few are mapped */
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_client *client;
	pthread_mutex_t writer; /* who has it lets the writer stand */
};

/* The region has RESIZE_NPAGES, private and anonymous, all clean. */
void resize_rig_open(struct resize_rig *r);
void resize_rig_close(struct resize_rig *r);

/* New memory: flags of mmap(2), and a memfd or -1. */
void resize_rig_map(struct resize_rig *r, uint64_t first, uint64_t end,
		    int flags, int fd);
void resize_rig_unmap(struct resize_rig *r, uint64_t first, uint64_t end);
void resize_rig_resize(struct resize_rig *r, uint64_t npages);
void resize_rig_touch(struct resize_rig *r, uint64_t page);
void resize_rig_harvest(struct resize_rig *r);
void resize_rig_clean(struct resize_rig *r);

/* After a harvest these are dirty, and no others; then all is clean. */
void resize_rig_expect(struct resize_rig *r, const uint64_t *pages, uint64_t n);

/* The tests, each of a rig that is set up and not open: */
void resize_rig_check_heap(struct resize_rig *r);
void resize_rig_check_refusals(struct resize_rig *r, const char *where);
void resize_rig_check_live_writer(struct resize_rig *r);
/* The end moves within a page of hugetlbfs. */
void resize_rig_check_huge(struct resize_rig *r);

#endif
