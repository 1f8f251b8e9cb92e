/* SPDX-License-Identifier: MIT */
/*
 * The insides of hubs, and a post for collect operations of the library's own.
 */
#ifndef LIB_SOURCE_HUB_OBJECTS_H
#define LIB_SOURCE_HUB_OBJECTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/batch.h>
#include <smudge/bitmap.h>
#include <smudge/hub.h>

struct smudge_hub {
	struct smudge_hub_ops ops;
	void *opaque;
	uint64_t space; /* address space that it was created in */
	pthread_mutex_t lock;
	struct smudge_hub_member *members; /* lock */
	size_t nowners;	 /* lock; the creator, and each member */
	bool is_unknown; /* lock; the last collect failed */
	/* lock; whose harvest collects, and its sink; NULL: none's */
	struct smudge_hub_member *harvested;
	struct smudge_sink *sink;
};

struct smudge_hub_member {
	struct smudge_hub *hub;
	struct smudge_hub_member *next; /* the hub's lock */
	void *opaque;
	uint64_t npages;
	unsigned int page_shift;
	_Atomic(struct smudge_bitmap *) pending; /* RCU; NULL: it is stopped */
	/* The region's lock, or no source any more: */
	struct smudge_bitmap *kept; /* of an earlier run */
	struct smudge_batch *batch; /* while it runs */
};

/*
 * smudge_hub_post from a collect operation, by the thread that runs it and not
 * by its signal handlers. What belongs to the source whose harvest collects is
 * reported at once, without the pending bitmap.
 */
void smi_hub_post_collected(struct smudge_hub_member *member,
			    uint64_t first_page, uint64_t npages);

/*
 * The same of scattered pages: bit i of the little-endian @words is page
 * @first_page + i. Cheaper than a post for each of four pages or more.
 */
void smi_hub_post_words(struct smudge_hub_member *member, uint64_t first_page,
			const uint64_t *words, size_t nwords);

#endif
