/* SPDX-License-Identifier: MIT */
/*
 * The list of a region's views.
 *
 * Markers walk it without a lock. A view that leaves is unlinked, keeps its
 * own link for the markers that are at it, and is retired until a grace period
 * is over: leaving needs no memory, so it cannot fail. Harvests use an array of
 * the bitmaps that sources report to, kept under the region's lock.
 */
#include "memory/view.h"

#include <errno.h>
#include <stdlib.h>

#include "bitmap/layout.h"
#include "bitmap/resize.h"
#include "memory/reclaim.h"
#include "memory/source.h"
#include "sys/guard.h"

static void list_bitmaps(struct smudge_region *region)
{
	size_t n = 0, nquiesced = 0;

	for (struct smi_view *v = smi_region_views(region); v;
	     v = smi_view_next(v)) {
		if (!v->client->marks_only)
			region->bitmaps[n++] = v->bitmap;
		nquiesced += v->client->is_quiesced;
	}
	region->nbitmaps = n;
	region->nquiesced = nquiesced;
}

static int make_room(struct smudge_region *region)
{
	struct smudge_bitmap **grown = realloc(
		region->bitmaps, (region->nbitmaps + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	region->bitmaps = grown;
	return 0;
}

int smi_view_create(struct smudge_client *client, struct smudge_region *region,
		    struct smi_view **ret_view)
{
	struct smi_view *view = calloc(1, sizeof(*view));
	int ret;

	if (!view)
		return -ENOMEM;
	ret = smi_bitmap_create_room(smi_region_npages(region),
				     region->max_npages, &view->bitmap, NULL);
	if (ret < 0) {
		free(view);
		return ret;
	}
	smudge_bitmap_fill(view->bitmap);
	view->client = client;
	view->region = region;
	*ret_view = view;
	return 0;
}

void smi_view_destroy(struct smi_view *view)
{
	if (!view)
		return;
	smudge_bitmap_destroy(view->bitmap);
	free(view);
}

static void free_retired(struct smudge_memory *memory,
			 struct smi_retired *retired)
{
	smi_view_destroy((struct smi_view *)retired); /* first member */
}

void smi_view_retire(struct smi_view *view)
{
	struct smudge_memory *memory = view->region->memory;

	smi_add(&memory->counters.kept_pages, view->bitmap->kept_pages);
	smi_reclaim_later(memory, &view->retired, free_retired);
}

void smi_view_owe_barrier(struct smi_view *view)
{
	SMI_SYS_GUARD(&view->region->lock);
	view->bitmap->owes_barrier = true;
}

int smi_view_link(struct smi_view *view, struct smudge_error *err)
{
	struct smudge_region *region = view->region;
	int ret = make_room(region);

	if (ret < 0)
		return smudge_error_set(err, ret, "client",
					"no memory to watch region %s",
					region->name);
	if (view->client->is_quiesced)
		ret = smi_sources_check_look(region, err);
	if (ret == 0 && !smi_region_is_watched(region) &&
	    !view->client->marks_only)
		ret = smi_sources_start(region, err);
	if (ret < 0)
		return ret;
	if (view->client->is_quiesced)
		smi_sources_hold(region);
	atomic_store_explicit(&view->next_in_region, smi_region_views(region),
			      memory_order_relaxed);
	/* Release pairs with the acquire in smi_region_views. */
	atomic_store_explicit(&region->views, view, memory_order_release);
	list_bitmaps(region);
	return 0;
}

void smi_view_unlink(struct smi_view *view)
{
	struct smudge_region *region = view->region;
	struct smi_view *next = smi_view_next(view);
	struct smi_view *v = smi_region_views(region);

	if (v == view) {
		atomic_store_explicit(&region->views, next,
				      memory_order_release);
	} else {
		while (smi_view_next(v) != view)
			v = smi_view_next(v);
		atomic_store_explicit(&v->next_in_region, next,
				      memory_order_release);
	}
	list_bitmaps(region);
	if (!smi_region_is_watched(region))
		smi_sources_stop(region);
}

struct smi_view *smi_view_find(const struct smudge_region *region,
			       const struct smudge_client *client)
{
	for (struct smi_view *v = smi_region_views(region); v;
	     v = smi_view_next(v)) {
		if (v->client == client)
			return v;
	}
	return NULL;
}

bool smi_view_has_batches(const struct smi_view *view)
{
	/* Acquire pairs with the acq_rel of take.c's commit and return. */
	return atomic_load_explicit(&view->nbatches, memory_order_acquire) != 0;
}
