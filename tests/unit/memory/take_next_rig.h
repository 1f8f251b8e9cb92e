/* SPDX-License-Identifier: MIT */
/*
 * A region, a client, and a byte per page that says whether it is dirty for the
 * client. From these bytes follows what smudge_client_take_next must take.
 */
#ifndef TESTS_UNIT_MEMORY_TAKE_NEXT_RIG_H
#define TESTS_UNIT_MEMORY_TAKE_NEXT_RIG_H

#include "support.h"

#include "fake_source.h"

struct take_rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client; /* clean at first */
	struct smudge_batch *batch;   /* of the smallest size */
	struct fake_source fake;      /* re-arms */
	uint64_t npages;
	unsigned int page_shift;
	uint8_t *is_dirty; /* [npages] */
};

void take_rig_start(struct take_rig *rig, uint64_t npages,
		    unsigned int page_shift);
void take_rig_end(struct take_rig *rig);

/* A mark, in the client and in the bytes. */
void take_rig_mark(struct take_rig *rig, uint64_t first_page, uint64_t npages);

/*
 * One smudge_client_take_next, all of whose results are checked against the
 * bytes; the pages taken are clean there afterwards.
 * Return: what it returned, 0 or 1.
 */
int take_rig_next(struct take_rig *rig, struct smudge_run *rest,
		  uint64_t max_pages);

/* Return the batch, in the bytes too. */
void take_rig_return(struct take_rig *rig);

/* Every page of the client is as the bytes say. */
void take_rig_compare(struct take_rig *rig);

#endif
