/* SPDX-License-Identifier: MIT */
/*
 * Views: one client's bits of one region.
 *
 * The views of a region form a list that markers walk without a lock. One
 * that leaves is unlinked, keeps its own link for the markers that stand on
 * it, and is retired until a grace period is over: leaving needs no memory, so
 * it cannot fail. Harvests use an array of the same bitmaps, kept under the
 * lock.
 */
#include "memory/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bitmap/layout.h"

static void list_bitmaps(struct smudge_region *region)
{
	size_t n = 0, nquiesced = 0;

	for (struct smi_view *v = smi_region_views(region); v;
	     v = smi_view_next(v)) {
		if (!v->client->marks_only)
			region->bitmaps[n++] = v->bitmap;
		nquiesced += v->client->is_quiesced;
	}
	region->nviews = n;
	region->nquiesced = nquiesced;
}

static int make_room(struct smudge_region *region)
{
	struct smudge_bitmap **grown =
		realloc(region->bitmaps, (region->nviews + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	region->bitmaps = grown;
	return 0;
}

int smi_view_create(struct smudge_client *client, struct smudge_region *region,
		    struct smi_view **ret)
{
	struct smi_view *view = calloc(1, sizeof(*view));
	int r;

	if (!view)
		return -ENOMEM;
	r = smudge_bitmap_create(region->npages, &view->bitmap);
	if (r < 0) {
		free(view);
		return r;
	}
	smudge_bitmap_fill(view->bitmap);
	view->client = client;
	view->region = region;
	*ret = view;
	return 0;
}

void smi_view_destroy(struct smi_view *view)
{
	if (!view)
		return;
	smudge_bitmap_destroy(view->bitmap);
	free(view);
}

static void free_gone(struct smudge_memory *memory, struct smi_gone *gone)
{
	smi_view_destroy((struct smi_view *)gone); /* first member */
}

void smi_view_retire(struct smi_view *view)
{
	struct smudge_memory *memory = view->region->memory;

	smi_add(&memory->counters.kept_pages, view->bitmap->kept_pages);
	smi_memory_retire(memory, &view->gone, free_gone);
}

void smi_view_owe_barrier(struct smi_view *view)
{
	pthread_mutex_lock(&view->region->lock);
	view->bitmap->owes_barrier = true;
	pthread_mutex_unlock(&view->region->lock);
}

int smi_region_link(struct smudge_region *region, struct smi_view *view,
		    struct smudge_error *err)
{
	int r = make_room(region);

	if (r < 0)
		return smudge_error_set(err, r, "client",
					"no memory to watch region %s",
					region->name);
	if (view->client->is_quiesced)
		r = smi_sources_check_look(region, err);
	if (r == 0 && !region->nviews && !view->client->marks_only)
		r = smi_sources_start(region, err);
	if (r < 0)
		return r;
	if (view->client->is_quiesced)
		smi_sources_hold(region);
	atomic_store_explicit(&view->next_in_region, smi_region_views(region),
			      memory_order_relaxed);
	/* Release pairs with the acquire in smudge_region_mark. */
	atomic_store_explicit(&region->views, view, memory_order_release);
	list_bitmaps(region);
	return 0;
}

void smi_region_unlink(struct smudge_region *region, struct smi_view *view)
{
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
	if (!region->nviews)
		smi_sources_stop(region);
}

struct smi_view *smi_region_find_view(const struct smudge_region *region,
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
	return atomic_load_explicit(&view->nbatches, memory_order_acquire) != 0;
}
