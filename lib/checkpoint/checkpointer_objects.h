/* SPDX-License-Identifier: MIT */
/*
 * A checkpointer and its saves.
 *
 * THREADS. A save is filled by the program's thread (save*.c) and written by
 * the checkpointer's own (queue.c, store*.c), one after the other. If copies
 * need more memory than the budget has, the save is streamed: the writer begins
 * with the oldest copies while later ones are made.
 *
 * A DELTA stands on the save before it. When that one fails, so do all that
 * stand on it, before or after they were filled; only then a save may begin
 * that stands on what is in place. So no layer is without the pages that a
 * failed one had.
 *
 * PAGES. A taken batch is committed as soon as its pages are in the list of
 * pieces. When the save fails, the pages of all pieces are marked again for
 * this client: that makes them as dirty as a return of the batch. An open batch
 * would keep the region from being removed or resized for as long as it takes
 * to write a layer. A full layer also has pages that were not taken, since they
 * are clean as of the layer before: nothing of them is returned.
 */
#ifndef LIB_CHECKPOINT_CHECKPOINTER_OBJECTS_H
#define LIB_CHECKPOINT_CHECKPOINTER_OBJECTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include <smudge/checkpoint.h>

#include "checkpoint/copies.h"
#include "checkpoint/digests.h"
#include "checkpoint/layer.h"
#include "checkpoint/pieces.h"
#include "checkpoint/workers.h"

#define SMI_WHERE "checkpoint"

/* Harvests of one save: those while the machine runs, and the last. */
#define SMI_MAX_PASSES 4

struct smi_calls;
struct smi_target;

/* Which file a name had, and when that was written last. */
struct smi_stamp {
	dev_t dev;
	ino_t ino;
	off_t file_bytes; /* 0: unknown */
	struct timespec written;
};

/* A moment that is in place, or is being written. */
struct smi_moment {
	uint64_t number;	/* of its layer */
	struct smi_stamp stamp; /* of its layer's file, once it is in place;
				   the lock's: pruning changes it */
	uint64_t chain_ticket;	/* of its chain's full save; 0: continued */
	uint64_t chain_nlayers; /* from the full one to this; the lock's */
	struct smi_layer layer;
	struct smi_digests *digests;
};

/* What a thread needs to list regions without allocating. */
struct smi_region_list {
	struct smudge_region *regions[SMUDGE_MAX_REGIONS];
	size_t n; /* held */
};

struct smi_save {
	/* Set when it begins. */
	struct smi_save *next; /* younger one in the queue; the lock's */
	uint64_t ticket;
	uint64_t parent_ticket; /* what a delta stands on */
	uint64_t chain_ticket;	/* as in smi_moment */
	uint64_t chain_nlayers; /* the lock's: pruning changes it */
	bool is_full;
	struct smudge_save_options options;

	/* The filling thread's; the writer's once it is filled or streamed. */
	struct smi_layer layer; /* regions without extents, until it is written
				 */
	struct smi_pieces pieces;
	struct smi_piece_cursor pass_begin[SMI_MAX_PASSES];
	unsigned int npasses;
	struct smi_piece_cursor uncopied;
	struct smi_chunks filling; /* chunks of pieces not published yet */
	size_t chunk_used;	   /* bytes of the last one */
	uint64_t dirty_pages;	   /* at the last look; 0: there was none */
	bool will_overflow;	   /* the budget, as far as known */
	bool is_paused;		   /* the machine is, if it can be */
	uint64_t deadline_ns;	   /* of the pause; 0: none, or not paused */
	uint64_t resumed_ns;

	/* The lock's. */
	struct smi_chunks chunks; /* of published pieces */
	uint64_t published;	  /* pieces that the writer may read */
	bool wants_room;	  /* the budget is used up */
	bool is_streamed;	  /* the writer began before it was filled */
	bool is_filled;
	bool is_left; /* the writer is no longer in it, though not filled */
	struct smudge_error why;

	/* Progress: pages that are to be copied, and that were. Relaxed. */
	_Atomic uint64_t copying_pages, copied_pages;

	/* Both threads read them at any time; relaxed, but for failed. */
	atomic_bool is_cancelled;
	atomic_int failed; /* 0 or what why.code is: released with it */
};

#define SMI_RESULTS 64

struct smi_result {
	uint64_t ticket; /* 0: none */
	struct smudge_error err;
	struct smudge_layer_info info;
};

struct smudge_checkpointer {
	struct smudge_memory *memory;
	struct smudge_client *client;
	struct smudge_batch *batch; /* the saving thread's */
	struct smudge_checkpointer_options options;
	uint32_t *region_ids; /* options.nregions of them */
	int folder_fd;	      /* -1: there is a disk */
	struct smi_target *target;
	struct smi_calls *calls; /* of the disk, committed; NULL: no need */
	uint64_t space;		 /* of sys/space.h */
	unsigned int nthreads;
	struct smi_workers *workers;
	struct smi_copies copies;
	struct smi_region_list held;	 /* of the saving thread */
	struct smi_region_list returned; /* of the writing thread */
	pthread_t thread;
	pthread_mutex_t pruning; /* held by who prunes; before the lock */

	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t changed;
	struct smi_save *oldest, *youngest; /* not in place, in their order */
	uint64_t last_ticket;
	uint64_t stored_ticket; /* of the save that is in place */
	bool is_ending;
	struct smi_result results[SMI_RESULTS];
	struct smudge_checkpointer_stats stats;
	uint64_t last_pages; /* that the last save copied */
	struct smi_layer_blob *blobs;
	size_t nblobs;
	uint64_t blob_bytes;

	/* Written by the writing thread, under the lock. */
	bool has_moment;
	struct smi_moment moment; /* in place */
	uint64_t last_number;	  /* of the store, as far as known */
};

static inline int smi_checkpointer_no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -12, SMI_WHERE, "out of memory");
}

#endif
