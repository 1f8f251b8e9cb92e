/* SPDX-License-Identifier: MIT */
/*
 * The insides of a memory, its regions, clients and sources.
 *
 *	memory --< region --< view >-- client
 *	             |          '-- bitmap
 *	             '--< source
 *
 * A view is one client's interest in one region, and owns its bitmap. The
 * views of a region are a list that markers walk without a lock; it is empty
 * while nobody watches.
 *
 * LOCKS, in the order they are taken:
 *	memory->lock   who is there: regions, clients, views
 *	region->lock   the region's bits (owner of its bitmaps), its sources
 * RCU protects the region table and the lists of views against markers. A
 * grace period is waited for with memory->lock held and no region's lock. What
 * left is freed after one, and waits in a list if none could be had (gone.c).
 *
 * INVARIANT of every region with a view: for each page, if a write happened
 * since a view took it (or was opened), then the view's bit is set, or a
 * running source or the mark plane knows and gives it to the next harvest or
 * take. A new view starts with every bit set, so it owes nothing to what the
 * sources were told before it came. Views of a client that hears marks only are
 * not in `bitmaps`: no source runs, reports or re-arms for them, and the
 * invariant holds for marked writes.
 *
 * RE-ARMING is the region's: a harvest re-arms for all its views. A look
 * reports and re-arms nothing, and a take after it neither, so the source
 * still knows the page as written and the next look or harvest reports it
 * again. While a quiesced client watches (its policy is
 * SMUDGE_REARM_QUIESCED), every plain harvest is a look. Two flags of a source
 * keep this in order:
 *
 * `takes_rearm` is set by a start and by a plain harvest, unless a quiesced
 * client watches, and cleared by a look, by a quiesced harvest (which re-arms
 * everything itself) and by a quiesced client that comes. Hence, while it is
 * set, every take since that harvest has re-armed what it took: a source that
 * forgets a write as it re-arms a page may rely on it (source/kvm_pending.h).
 *
 * `armed_when_quiesced`: whatever the source has armed, it armed while no I/O
 * into pinned pages was in flight. While this is not so, I/O that was pinned
 * before its page was armed may land unseen. Then each look or harvest makes
 * the source's whole range dirty for the quiesced clients, until the first
 * quiesced harvest: that one included, since it ends what was unseen.
 */
#ifndef LIB_MEMORY_MEMORY_H
#define LIB_MEMORY_MEMORY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/bitmap.h>
#include <smudge/client.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#include "sys/clock.h"

/* The first member of what markers may still read after it left. */
struct smi_gone {
	struct smi_gone *next; /* memory->lock */
	void (*free_it)(struct smudge_memory *memory, struct smi_gone *gone);
};

/* What markers search: immutable once published. */
struct smi_region_table {
	struct smi_gone gone;
	size_t n;
	struct smudge_region *regions[]; /* ascending gpa */
};

struct smi_view {
	struct smi_gone gone;
	_Atomic(struct smi_view *) next_in_region; /* both locks; RCU */
	struct smi_view *next_in_client;	   /* memory->lock */
	struct smudge_client *client;
	struct smudge_region *region;
	struct smudge_bitmap *bitmap;
	_Atomic size_t nbatches; /* taken, neither committed nor returned */
};

struct smi_counters {
	_Atomic uint64_t harvests, harvest_ns, harvested_pages, harvest_errors;
	_Atomic uint64_t looks, look_ns, looked_pages;
	_Atomic uint64_t takes, take_ns, taken_pages, rearm_ns, returned_pages;
	_Atomic uint64_t kept_pages; /* of views that left */
};

struct smudge_memory {
	pthread_mutex_t lock;
	_Atomic(struct smi_region_table *) table; /* never NULL */
	struct smudge_client *clients;		  /* lock */
	size_t nclients;			  /* lock */
	uint32_t next_region_id;		  /* lock */
	uint64_t bitmap_peak_bytes;		  /* lock */
	struct smi_gone *gone;			  /* lock */
	uint64_t ngone;				  /* lock; how many these are */
	struct smi_counters counters;
};

struct smudge_region {
	struct smi_gone gone;
	struct smudge_memory *memory;
	uint32_t id;
	char name[64];
	char *hva;
	uint64_t gpa;
	uint64_t npages;
	unsigned int page_shift;

	_Atomic(struct smi_view *) views; /* changed under both locks; RCU */
	pthread_mutex_t lock;
	struct smudge_bitmap **bitmaps; /* lock; views that hear sources */
	size_t nviews;			/* lock; how many these are */
	size_t nquiesced;		/* lock; of them, of quiesced clients */
	struct smudge_source *sources;	/* lock */
	size_t nholds;			/* memory->lock; keep it from going */
};

struct smudge_client {
	struct smudge_memory *memory;
	struct smudge_client *next;
	char name[32];
	bool watches_all;
	bool marks_only;  /* its views are not among the regions' bitmaps */
	bool is_quiesced; /* only quiesced harvests may re-arm what it watches
			   */
	struct smi_view *views; /* memory->lock */
};

struct smudge_source {
	struct smudge_source_ops ops;
	void *opaque;
	_Atomic(struct smudge_region *) region; /* NULL: attached nowhere */
	struct smudge_source *next;		/* region->lock, and so on: */
	uint64_t first_page;
	uint64_t npages;
	bool is_running;
	bool takes_rearm;	  /* see RE-ARMING */
	bool armed_when_quiesced; /* see RE-ARMING */
	uint64_t harvests, harvest_ns, harvest_errors, harvested_pages;
	uint64_t looks, look_ns, looked_pages;
	uint64_t rearms, rearm_ns;
	uint64_t dropped_pages, unsure_pages;
};

/* What a harvest does to the writers of what it reports. */
enum smi_harvest {
	SMI_HARVEST,  /* re-arm, as reported or as taken */
	SMI_LOOK,     /* leave them as they are */
	SMI_QUIESCED, /* re-arm all at once; no I/O is in flight */
};

struct smudge_sink {
	const struct smudge_source *source;
	const struct smudge_region *region;
	uint64_t pages;			      /* reported so far */
	uint64_t dropped_pages, unsure_pages; /* parts of these */
};

static inline void smi_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

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

/* gone.c. memory->lock held. @gone is free of markers after a grace period. */
void smi_memory_retire(struct smudge_memory *memory, struct smi_gone *gone,
		       void (*free_it)(struct smudge_memory *memory,
				       struct smi_gone *gone));
/*
 * Wait for a grace period, and free what was retired.
 * Return: false if no barrier could be had; nothing is freed then.
 */
bool smi_memory_synchronize(struct smudge_memory *memory);
/* No marker runs any more. */
void smi_memory_free_gone(struct smudge_memory *memory);

/* region.c. memory->lock held, region->lock not. */
void smi_region_detach_all(struct smudge_region *region);
/* After a grace period. */
void smi_region_free(struct smudge_region *region);

/* view.c. A view with every page dirty, linked nowhere. */
int smi_view_create(struct smudge_client *client, struct smudge_region *region,
		    struct smi_view **ret);
/* Never linked, or after a grace period. NULL is a no-op. */
void smi_view_destroy(struct smi_view *view);
/* smi_memory_retire it, after unlinking. */
void smi_view_retire(struct smi_view *view);
/*
 * It was linked without a grace period: what it gives stays dirty until a
 * barrier was had. The region's lock is not held.
 */
void smi_view_owe_barrier(struct smi_view *view);
bool smi_view_has_batches(const struct smi_view *view);

/*
 * Both locks held. The first view that hears sources starts them, the last
 * one stops them.
 */
int smi_region_link(struct smudge_region *region, struct smi_view *view,
		    struct smudge_error *err);
void smi_region_unlink(struct smudge_region *region, struct smi_view *view);

/* Either lock held. */
struct smi_view *smi_region_find_view(const struct smudge_region *region,
				      const struct smudge_client *client);

/* client.c. memory->lock held, region->lock not. */
int smi_client_watch(struct smudge_client *client, struct smudge_region *region,
		     struct smudge_error *err);
/* Unlink and retire all views of @region. */
void smi_clients_unwatch(struct smudge_region *region);

/* source.c. region->lock held. */
int smi_sources_start(struct smudge_region *region, struct smudge_error *err);
void smi_sources_stop(struct smudge_region *region);
int smi_sources_rearm(struct smudge_region *region,
		      const struct smudge_batch *batch,
		      struct smudge_error *err);
int smi_source_rearm_all(struct smudge_source *source,
			 struct smudge_error *err);
/* Takes re-arm nothing any more, until a plain harvest. */
void smi_sources_hold(struct smudge_region *region);
/* 0, or -EOPNOTSUPP and a sentence that names the first without a look. */
int smi_sources_check_look(const struct smudge_region *region,
			   struct smudge_error *err);
/* harvest.c. region->lock held. */
int smi_source_harvest(struct smudge_source *source, enum smi_harvest how,
		       struct smudge_error *err);
/* source.c again. region->lock held. */
int smi_source_detach_locked(struct smudge_source *source,
			     struct smudge_error *err);

/*
 * Take both locks of the region a source is attached to; NULL, and no lock,
 * when it is attached nowhere. The region may be leaving meanwhile.
 */
struct smudge_region *smi_source_lock(struct smudge_source *source);
void smi_source_unlock(struct smudge_region *region);

/* stats.c. memory->lock held. */
uint64_t smi_client_measure(const struct smudge_client *client);
uint64_t smi_memory_measure(struct smudge_memory *memory);

#endif
