/* SPDX-License-Identifier: MIT */
/*
 * A client's bits: take, commit, return, and questions.
 *
 * A take clears bits and re-arms their writers under the region's lock, so no
 * harvest comes between; only then may anyone read the pages. A writer that
 * could not be re-armed puts the whole batch back.
 */
#include "memory/memory.h"

#include <errno.h>

#include "bitmap/batch.h"
#include "bitmap/take.h"

#define SKIP_RUNS 65536

static int take_locked(struct smi_view *view, uint64_t first_page,
		       uint64_t npages, struct smudge_batch *batch,
		       struct smudge_error *err)
{
	struct smi_counters *counters = &view->client->memory->counters;
	uint64_t start_ns = smi_sys_now_ns();
	int r = smudge_bitmap_take(view->bitmap, first_page, npages, batch);

	if (r < 0)
		return smudge_error_set(err, r, "client",
					"the batch still holds pages");
	if (smudge_batch_nruns(batch) && !view->client->marks_only) {
		r = smi_sources_rearm(view->region, batch, err);
		if (r < 0) {
			smi_bitmap_put_back(view->bitmap, batch);
			return r;
		}
	}
	batch->owner = view;
	atomic_fetch_add_explicit(&view->nbatches, 1, memory_order_acq_rel);
	smi_add(&counters->takes, 1);
	smi_add(&counters->taken_pages, smudge_batch_npages(batch));
	smi_add(&counters->take_ns, smi_sys_now_ns() - start_ns);
	return 0;
}

int smudge_client_take(struct smudge_client *client,
		       struct smudge_region *region, uint64_t first_page,
		       uint64_t npages, struct smudge_batch *batch,
		       struct smudge_error *err)
{
	struct smi_view *view;
	int r;

	smudge_error_clear(err);
	if (first_page > region->npages || npages > region->npages - first_page)
		return smudge_error_set(err, -EINVAL, "client",
					"the range ends beyond region %s",
					region->name);
	pthread_mutex_lock(&region->lock);
	view = smi_region_find_view(region, client);
	if (view)
		r = take_locked(view, first_page, npages, batch, err);
	else
		r = smudge_error_set(err, -EINVAL, "client",
				     "client %s does not watch region %s",
				     client->name, region->name);
	pthread_mutex_unlock(&region->lock);
	if (r < 0)
		smudge_error_at(err, region->id, first_page);
	return r;
}

/* The batch's view, NULL when it is not @client's. */
static struct smi_view *view_of(const struct smudge_client *client,
				const struct smudge_batch *batch)
{
	/* Written by take_locked, for a view that outlives the batch. */
	struct smi_view *view = (struct smi_view *)batch->owner;

	return view && view->client == client ? view : NULL;
}

int smudge_client_commit(struct smudge_client *client,
			 struct smudge_batch *batch)
{
	struct smi_view *view = view_of(client, batch);

	if (!batch->is_taken)
		return 0;
	if (!view)
		return -EINVAL;
	smi_batch_reset(batch);
	atomic_fetch_sub_explicit(&view->nbatches, 1, memory_order_acq_rel);
	return 0;
}

int smudge_client_return(struct smudge_client *client,
			 struct smudge_batch *batch)
{
	struct smi_view *view = view_of(client, batch);

	if (!batch->is_taken)
		return 0;
	if (!view)
		return -EINVAL;
	smi_add(&client->memory->counters.returned_pages,
		smudge_batch_npages(batch));
	pthread_mutex_lock(&view->region->lock);
	smi_bitmap_put_back(view->bitmap, batch);
	pthread_mutex_unlock(&view->region->lock);
	atomic_fetch_sub_explicit(&view->nbatches, 1, memory_order_acq_rel);
	return 0;
}

int smudge_client_skip(struct smudge_client *client,
		       struct smudge_region *region, uint64_t first_page,
		       uint64_t npages, struct smudge_error *err)
{
	uint64_t end_page = first_page + npages;
	struct smudge_batch *batch;
	int r;

	smudge_error_clear(err);
	r = smudge_batch_create(SKIP_RUNS, &batch);
	if (r < 0)
		return smudge_error_set(err, r, "client",
					"no memory for a batch");
	do {
		r = smudge_client_take(client, region, first_page, npages,
				       batch, err);
		if (r < 0)
			break;
		first_page = smudge_batch_end_page(batch);
		npages = end_page - first_page;
		smudge_client_commit(client, batch);
	} while (first_page < end_page);
	smudge_batch_destroy(batch);
	return r;
}

/* The client's bitmap of a region, with the region locked, or NULL. */
static struct smudge_bitmap *lock_bits(const struct smudge_client *client,
				       struct smudge_region *region)
{
	struct smi_view *view;

	pthread_mutex_lock(&region->lock);
	view = smi_region_find_view(region, client);
	return view ? view->bitmap : NULL;
}

int smudge_client_mark(struct smudge_client *client,
		       struct smudge_region *region, uint64_t first_page,
		       uint64_t npages)
{
	struct smudge_bitmap *bitmap = lock_bits(client, region);

	if (bitmap)
		smudge_bitmap_set_range(bitmap, first_page, npages);
	pthread_mutex_unlock(&region->lock);
	return bitmap ? 0 : -EINVAL;
}

bool smudge_client_test(struct smudge_client *client,
			struct smudge_region *region, uint64_t page)
{
	struct smudge_bitmap *bitmap = lock_bits(client, region);
	bool is_dirty = bitmap && smudge_bitmap_test(bitmap, page);

	pthread_mutex_unlock(&region->lock);
	return is_dirty;
}

bool smudge_client_any(struct smudge_client *client,
		       struct smudge_region *region, uint64_t first_page,
		       uint64_t npages)
{
	struct smudge_bitmap *bitmap = lock_bits(client, region);
	bool is_any = bitmap && smudge_bitmap_any(bitmap, first_page, npages);

	pthread_mutex_unlock(&region->lock);
	return is_any;
}

bool smudge_client_all(struct smudge_client *client,
		       struct smudge_region *region, uint64_t first_page,
		       uint64_t npages)
{
	struct smudge_bitmap *bitmap = lock_bits(client, region);
	bool is_all = bitmap && smudge_bitmap_all(bitmap, first_page, npages);

	pthread_mutex_unlock(&region->lock);
	return is_all;
}

uint64_t smudge_client_count(struct smudge_client *client,
			     struct smudge_region *region, uint64_t first_page,
			     uint64_t npages)
{
	struct smudge_bitmap *bitmap = lock_bits(client, region);
	uint64_t n = 0;

	if (bitmap)
		n = smudge_bitmap_count(bitmap, first_page, npages);
	pthread_mutex_unlock(&region->lock);
	return n;
}

bool smudge_client_next_dirty(struct smudge_client *client,
			      struct smudge_region *region, uint64_t first_page,
			      uint64_t end_page, struct smudge_run *ret)
{
	struct smudge_bitmap *bitmap = lock_bits(client, region);
	bool found = bitmap && smudge_bitmap_next_dirty(bitmap, first_page,
							end_page, ret);

	pthread_mutex_unlock(&region->lock);
	return found;
}

bool smudge_client_next_clean(struct smudge_client *client,
			      struct smudge_region *region, uint64_t first_page,
			      uint64_t end_page, struct smudge_run *ret)
{
	struct smudge_bitmap *bitmap = lock_bits(client, region);
	bool found = bitmap && smudge_bitmap_next_clean(bitmap, first_page,
							end_page, ret);

	pthread_mutex_unlock(&region->lock);
	return found;
}

bool smudge_client_next_both(struct smudge_client *client,
			     struct smudge_region *region,
			     struct smudge_bitmap *mask, uint64_t first_page,
			     uint64_t end_page, struct smudge_run *ret)
{
	struct smudge_bitmap *bitmap = lock_bits(client, region);
	bool found = bitmap && smudge_bitmap_next_both(mask, bitmap, first_page,
						       end_page, ret);

	pthread_mutex_unlock(&region->lock);
	return found;
}

uint64_t smudge_client_dirty_pages(struct smudge_client *client)
{
	struct smudge_memory *memory = client->memory;
	uint64_t n = 0;

	pthread_mutex_lock(&memory->lock);
	for (struct smi_view *v = client->views; v; v = v->next_in_client)
		n += smudge_client_count(client, v->region, 0,
					 v->region->npages);
	pthread_mutex_unlock(&memory->lock);
	return n;
}
