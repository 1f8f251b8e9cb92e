/* SPDX-License-Identifier: MIT */
/*
 * The objects of lib/code, and why no write to a page with code is lost.
 *
 * Each region has a client, whose set bit means "no code here, or written
 * since"; a bitmap of the watched pages; and two counters per page. A page is
 * stale if it is watched and dirty.
 *
 * INVARIANTS, whenever the lock is free:
 *	K1  page not watched  =>  the client's bit is set. A mark of the page
 *	    then changes nothing, and the take that begins to watch it
 *	    re-arms its sources.
 *	K2  page not watched  =>  both of its counters are 0.
 *	K3  page watched, and written since the take that began the watch
 *	    =>  the client's bit is set, or the mark plane or a running
 *	    source will report the page. That is a take's guarantee.
 *
 * TIME. `now` counts the watches that have begun. Each watched page keeps the
 * value that its own watch began with. A block whose bytes were read after
 * time T is kept only if each of its pages has since <= T: the watch began
 * before the bytes were read and has not ended, because a watch that ends and
 * begins again has a later time. By K3 a write after the reading makes the
 * page stale.
 *
 * A watch begins with a take and a set bit in `watched`; both happen under the
 * lock, so their order does not matter. It ends when the page is found dirty,
 * or when its last block is gone; the client's bit is set again then.
 *
 * COUNTERS, not lists of blocks: a block touches one page or two neighbours.
 * `nblocks` counts the blocks that touch the page, `nto_next` those of them
 * that continue in the next page. When a page becomes stale, all of its blocks
 * are gone: the page before it loses as many blocks as its own nto_next, the
 * page behind it as many as this page's. A translator that adds a block twice,
 * or drops one without smudge_code_forget, leaves a counter too high: the page
 * is watched for too long, never too short.
 *
 * COST: one bit per page in the client, one in `watched` (which has memory only
 * for groups of 4096 pages that hold code), and 24 bytes per page with code, in
 * a reserved mapping.
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
	uint64_t since; /* the time its watch began, if it is watched */
};

struct smi_code_region {
	struct smudge_region *region;
	uint64_t gpa;
	uint64_t npages;
	unsigned int page_shift;
	/* The rest is created with the first block, under the lock. */
	struct smudge_client *client; /* NULL: no code yet */
	struct smudge_bitmap *watched;
	struct smi_code_page *pages; /* [npages], reserved */
};

struct smudge_code {
	struct smudge_memory *memory;
	uint64_t space; /* address space that it was opened in */
	char name[32];
	bool marks_only;
	pthread_mutex_t lock; /* everything below */
	struct smudge_batch *batch;
	uint64_t now; /* counts the beginnings of watches */
	struct smudge_code_stats stats;
	size_t nregions;
	struct smi_code_region regions[]; /* ascending gpa */
};

/* All of these are in pages.c; the caller holds the lock. */

/* The region that contains the whole range, or NULL. */
struct smi_code_region *smi_code_find(struct smudge_code *code, uint64_t gpa,
				      uint64_t length_bytes);
/* Create the bitmap, the counters and the client, for the first block. */
int smi_code_begin_region(struct smudge_code *code, struct smi_code_region *r,
			  struct smudge_error *err);
void smi_code_end_region(struct smi_code_region *r);
/*
 * Take and watch the pages of @run that are not watched. Return: 0 if all of
 * them were watched since @since, -EAGAIN if they are only now, or a take's
 * error.
 */
int smi_code_watch(struct smudge_code *code, struct smi_code_region *r,
		   struct smudge_run run, uint64_t since,
		   struct smudge_error *err);
/* Count one block that touches the pages of @run, one or two. */
void smi_code_count(struct smudge_code *code, struct smi_code_region *r,
		    struct smudge_run run);
/* End the watch of the pages of @run. Return: how many blocks they held. */
uint64_t smi_code_invalidate(struct smudge_code *code,
			     struct smi_code_region *r, struct smudge_run run);

#endif
