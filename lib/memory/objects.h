/* SPDX-License-Identifier: MIT */
/*
 * The structs of a memory, its regions, clients and sources. This file has no
 * prototypes: each .c has a header of its own.
 *
 *	memory --< region --< view >-- client
 *	             |          '-- bitmap
 *	             '--< source
 *
 * A view is one client's interest in one region, and owns its bitmap. The
 * views of a region are a list that markers walk without a lock; it is empty
 * while no client watches the region.
 *
 * LOCKS, in the order they are taken:
 *	memory->lock   which regions, clients and views exist
 *	region->lock   the region's bits (owner of its bitmaps), its sources
 * RCU protects the region table and the lists of views against markers. A
 * grace period is waited for with memory->lock held and no region's lock, but
 * that of a region that grows. What left is freed after one; while no barrier
 * works it waits in a list (reclaim.h).
 *
 * INVARIANT of every region with a view: for each page, if a write happened
 * since a view took it (or was opened), then the view's bit is set, or a
 * running source or the mark plane knows of the write and reports it to the
 * next harvest or take. A new view starts with every bit set, so it needs
 * nothing that sources detected before. Views of a client that receives marks
 * only are not in `bitmaps`: no source runs, reports or re-arms for them, and
 * the invariant holds for marked writes.
 *
 * RE-ARMING is the region's: a harvest re-arms for all its views. A look
 * reports and re-arms nothing, and a take after it re-arms nothing either, so
 * the source still knows the page as written and the next look or harvest
 * reports it again. While a quiesced client watches (its policy is
 * SMUDGE_REARM_QUIESCED), every plain harvest is a look. Two flags of a source
 * keep this in order:
 *
 * `takes_rearm` is set by a start and by a plain harvest, unless a quiesced
 * client watches. It is cleared by a look, by a quiesced harvest (which
 * re-arms everything itself) and when a quiesced client opens. Hence, while it
 * is set, every take since that harvest has re-armed what it took: a source
 * that forgets a write as it re-arms a page may rely on it
 * (source/kvm_pending.h).
 *
 * `armed_when_quiesced`: every page that the source has armed was armed while
 * no I/O into pinned pages was in flight. While this is not so, I/O that was
 * pinned before its page was armed may land undetected. Then each look or
 * harvest makes the source's whole range dirty for the quiesced clients, up to
 * and including the first quiesced harvest, which ends that state.
 */
#ifndef LIB_MEMORY_OBJECTS_H
#define LIB_MEMORY_OBJECTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/bitmap.h>
#include <smudge/client.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#include "sys/populated.h"

/* The first member of what markers may still read after it left. */
struct smi_retired {
	struct smi_retired *next; /* memory->lock */
	void (*free_it)(struct smudge_memory *memory,
			struct smi_retired *retired);
};

/* What markers search: immutable once published. */
struct smi_region_table {
	struct smi_retired retired;
	size_t n;
	struct smudge_region *regions[]; /* ascending gpa */
};

struct smi_view {
	struct smi_retired retired;
	_Atomic(struct smi_view *) next_in_region; /* both locks; RCU */
	struct smi_view *next_in_client;	   /* memory->lock */
	struct smudge_client *client;
	struct smudge_region *region;
	struct smudge_bitmap *bitmap;
	_Atomic size_t nbatches; /* taken, neither committed nor returned */
	uint64_t batches_end;	 /* region->lock; no page of theirs is behind */
};

struct smi_counters {
	_Atomic uint64_t harvests, harvest_ns, harvested_pages, harvest_errors;
	_Atomic uint64_t looks, look_ns, looked_pages;
	_Atomic uint64_t takes, take_ns, taken_pages, rearm_ns, returned_pages;
	_Atomic uint64_t kept_pages; /* of views that left */
};

/* What populated.c keeps from call to call. */
struct smi_populated {
	pthread_mutex_t lock; /* innermost */
	bool is_open;
	uint64_t awaited_as_of; /* generation of what was found to be awaited */
	struct smi_sys_populated now;
};

struct smi_pager_area; /* pager_objects.h */

struct smudge_memory {
	pthread_mutex_t lock;
	_Atomic(struct smi_region_table *) table; /* never NULL */
	struct smudge_client *clients;		  /* lock */
	size_t nclients;			  /* lock */
	uint64_t space;		     /* address space that it was created in */
	uint32_t next_region_id;     /* lock */
	uint64_t bitmap_peak_bytes;  /* lock */
	struct smi_retired *retired; /* lock */
	uint64_t nretired;	     /* lock */
	struct smi_counters counters;
	_Atomic uint64_t generation; /* of harvests and looks, from 1 on */
	struct smi_populated populated;
};

struct smudge_region {
	struct smi_retired retired;
	struct smudge_memory *memory;
	uint32_t id;
	char name[64];
	char *hva; /* NULL: it is read by: */
	int (*read)(void *opaque, uint64_t offset_bytes, size_t length_bytes,
		    void *buffer, struct smudge_error *err);
	void *read_opaque;
	int (*next_populated)(void *opaque, uint64_t *first_page,
			      uint64_t *end_page); /* or NULL */
	uint64_t gpa;
	_Atomic uint64_t npages; /* changed under both locks (resize.c) */
	uint64_t max_npages;
	unsigned int page_shift;

	_Atomic(struct smi_view *) views; /* changed under both locks; RCU */
	pthread_mutex_t lock;
	struct smudge_bitmap **bitmaps; /* lock; sources report to these */
	size_t nbitmaps;		/* lock */
	size_t nquiesced;		/* lock; of them, of quiesced clients */
	struct smudge_source *sources;	/* lock */
	size_t nholds;			/* memory->lock; prevent its removal */
	/* populated.lock to change and use; NULL: no pager brings its pages */
	_Atomic(struct smi_pager_area *) pager_area;
};

struct smudge_client {
	struct smudge_memory *memory;
	struct smudge_client *next; /* memory->lock */
	char name[32];
	bool watches_all;
	bool marks_only;	/* its views are not among the bitmaps */
	bool is_quiesced;	/* its policy is SMUDGE_REARM_QUIESCED */
	struct smi_view *views; /* memory->lock */
};

struct smudge_source {
	struct smudge_source_ops ops;
	void *opaque;
	_Atomic(struct smudge_region *) region; /* NULL: not attached */
	struct smudge_source *next;		/* region->lock, as all below */
	uint64_t first_page;
	uint64_t npages;
	bool is_to_end; /* it grows and shrinks with the region */
	bool is_running;
	bool takes_rearm;	  /* see RE-ARMING */
	bool armed_when_quiesced; /* see RE-ARMING */
	uint64_t harvests, harvest_ns, harvest_errors, harvested_pages;
	uint64_t looks, look_ns, looked_pages;
	uint64_t rearms, rearm_ns;
	uint64_t dropped_pages, unsure_pages;
};

/* Runs are collected for as many words of 64 pages. */
#define SMI_SINK_BLOCK_WORDS 64

struct smudge_sink {
	const struct smudge_source *source;
	const struct smudge_region *region;
	uint64_t pages;			      /* reported so far */
	uint64_t dropped_pages, unsure_pages; /* parts of these */
	/* sink.c's: runs that are not in the bitmaps yet */
	uint64_t block;	    /* that has the last run */
	unsigned int nruns; /* of the block, that went to the bitmaps */
	bool is_collecting; /* its next ones go to words */
	uint64_t words[SMI_SINK_BLOCK_WORDS];
};

/* Relaxed: a statistic orders nothing. */
static inline void smi_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* memory->lock held: relaxed, since tables are published under it. */
static inline struct smi_region_table *
smi_memory_table(const struct smudge_memory *memory)
{
	return atomic_load_explicit(&memory->table, memory_order_relaxed);
}

/* Acquire pairs with the release in smi_region_set_npages. */
static inline uint64_t smi_region_npages(const struct smudge_region *region)
{
	return atomic_load_explicit(&region->npages, memory_order_acquire);
}

/*
 * Both locks held, or the region is new. Release: who reads the new size finds
 * it in the views' bitmaps too.
 */
static inline void smi_region_set_npages(struct smudge_region *region,
					 uint64_t npages)
{
	atomic_store_explicit(&region->npages, npages, memory_order_release);
}

/* Does the range lie in the region? */
static inline bool smi_region_has(const struct smudge_region *region,
				  uint64_t first_page, uint64_t npages)
{
	uint64_t end = smi_region_npages(region);

	return first_page <= end && npages <= end - first_page;
}

/* The address of the region's last byte. */
static inline uint64_t smi_region_last_gpa(const struct smudge_region *region)
{
	return region->gpa + (smi_region_npages(region) << region->page_shift) -
	       1;
}

/*
 * The first view of a region, and the next one: either lock held, or in an RCU
 * section. Acquire pairs with the release in smi_view_link.
 */
static inline struct smi_view *
smi_region_views(const struct smudge_region *region)
{
	return atomic_load_explicit(&region->views, memory_order_acquire);
}

static inline struct smi_view *smi_view_next(const struct smi_view *view)
{
	return atomic_load_explicit(&view->next_in_region,
				    memory_order_acquire);
}

/*
 * Do sources have a view to report to? Views that receive marks only do not
 * count. region->lock held.
 */
static inline bool smi_region_is_watched(const struct smudge_region *region)
{
	return region->nbitmaps != 0;
}

/* Make pages dirty for every view that sources report to. region->lock held. */
static inline void smi_region_report(const struct smudge_region *region,
				     uint64_t first_page, uint64_t npages)
{
	for (size_t i = 0; i < region->nbitmaps; i++)
		smudge_bitmap_set_range(region->bitmaps[i], first_page, npages);
}

/* The region of an attached source. region->lock held. */
static inline struct smudge_region *
smi_source_region(const struct smudge_source *source)
{
	return atomic_load_explicit(&source->region, memory_order_acquire);
}

#endif
