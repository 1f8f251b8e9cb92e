/* SPDX-License-Identifier: MIT */
/*
 * The insides of a smudge_code.
 *
 * For each region: a client, whose set bit means "no code here, or written";
 * a bitmap of the watched pages; and two counters a page. Stale is what is
 * watched and dirty. INVARIANTS, whenever the lock is free:
 *	K1  not watched      =>  the client's bit is set, so that a mark of
 *	                         the page finds nothing to do, and the take
 *	                         that begins to watch it arms its sources
 *	K2  not watched      =>  both counters are 0
 *	K3  watched, written since the take that began it  =>  the client's
 *	    bit is set, or a mark or a running source knows: the take's own
 *	    promise
 * TIME. `now` goes up with each watch that begins, and a page keeps the value
 * of its own. A block that was read after the time T, and is added, is kept
 * only if each of its pages has since <= T: then the watch began before the
 * block was read and did not end, as one that ends and begins again has a
 * later time. By K3 a write after the reading makes the page stale.
 *
 * A page becomes watched by take and set, in this order or the other: the
 * lock is held. It stops being watched when it was found dirty, or when no
 * block is left in it and the client is told to set its bit again.
 *
 * COUNTERS instead of lists of blocks: a block touches a page or two
 * neighbours. `nblocks` counts those that touch the page, `nto_next` those of
 * them that go on into the next one. When a page is stale all its blocks are
 * gone, so its neighbours lose nto_next of the page before, and its own.
 * A translator that adds a block twice, or drops one without a word, leaves a
 * count too high and a page watched too long, never the contrary.
 *
 * COST: one bit a page in the client and the watched pages' bitmap (only the
 * groups of 4096 pages that hold code have memory), 24 bytes a page with
 * code, from a reserved mapping.
 */
#ifndef LIB_CODE_CODE_H
#define LIB_CODE_CODE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/bitmap.h>
#include <smudge/client.h>
#include <smudge/code.h>

struct smi_code_page {
	uint64_t nblocks;
	uint64_t nto_next;
	uint64_t since; /* when its watch began, if it is watched */
};

struct smi_code_region {
	struct smudge_region *region;
	uint64_t gpa;
	uint64_t npages;
	unsigned int page_shift;
	/* The rest appears with the first block, under the lock. */
	struct smudge_client *client; /* NULL: no code yet */
	struct smudge_bitmap *watched;
	struct smi_code_page *pages; /* [npages], reserved */
};

struct smudge_code {
	struct smudge_memory *memory;
	char name[32];
	bool marks_only;
	pthread_mutex_t lock; /* everything below */
	struct smudge_batch *batch;
	uint64_t now; /* counts the beginnings of watches */
	struct smudge_code_stats stats;
	size_t nregions;
	struct smi_code_region regions[]; /* ascending gpa */
};

/* pages.c, with the lock held. */

/* The region with all of the range, or NULL. */
struct smi_code_region *smi_code_find(struct smudge_code *code, uint64_t gpa,
				      uint64_t length_bytes);
/* Bitmaps, counters and client for the first block. */
int smi_code_begin_region(struct smudge_code *code, struct smi_code_region *r,
			  struct smudge_error *err);
void smi_code_end_region(struct smi_code_region *r);
/*
 * Take and watch what is not watched. 0: all was watched since @since;
 * -EAGAIN: it is now; or a take's error.
 */
int smi_code_watch(struct smudge_code *code, struct smi_code_region *r,
		   struct smudge_run run, uint64_t since,
		   struct smudge_error *err);
void smi_code_count(struct smudge_code *code, struct smi_code_region *r,
		    struct smudge_run run);
/* All blocks of the pages are gone; returns how many there were. */
uint64_t smi_code_drop(struct smudge_code *code, struct smi_code_region *r,
		       struct smudge_run run);

#endif
