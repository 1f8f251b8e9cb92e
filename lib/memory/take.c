/* SPDX-License-Identifier: MIT */
/*
 * Taking a client's bits: take, commit, return, skip.
 *
 * A take clears bits and re-arms their writers under the region's lock, so no
 * harvest comes between. Only then may the pages be read. If a writer cannot
 * be re-armed, the whole batch is put back.
 */
#include "memory/view.h"

#include <errno.h>

#include "bitmap/batch.h"
#include "bitmap/take.h"
#include "memory/source.h"
#include "sys/clock.h"

#define SKIP_RUNS 65536

static int take_locked(struct smi_view *view, uint64_t first_page,
		       uint64_t npages, struct smudge_batch *batch,
		       struct smudge_error *err)
{
	struct smi_counters *counters = &view->client->memory->counters;
	uint64_t start_ns = smi_sys_now_ns();
	int ret = smudge_bitmap_take(view->bitmap, first_page, npages, batch);

	if (ret < 0)
		return smudge_error_set(err, ret, "client",
					"the batch still holds pages");
	if (smudge_batch_nruns(batch) && !view->client->marks_only) {
		ret = smi_sources_rearm(view->region, batch, err);
		if (ret < 0) {
			smi_bitmap_put_back(view->bitmap, batch);
			return ret;
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
	int ret;

	smudge_error_clear(err);
	if (first_page > region->npages || npages > region->npages - first_page)
		return smudge_error_set(err, -EINVAL, "client",
					"the range ends beyond region %s",
					region->name);
	pthread_mutex_lock(&region->lock);
	view = smi_view_find(region, client);
	if (view)
		ret = take_locked(view, first_page, npages, batch, err);
	else
		ret = smudge_error_set(err, -EINVAL, "client",
				       "client %s does not watch region %s",
				       client->name, region->name);
	pthread_mutex_unlock(&region->lock);
	if (ret < 0)
		smudge_error_at(err, region->id, first_page);
	return ret;
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
	int ret;

	smudge_error_clear(err);
	ret = smudge_batch_create(SKIP_RUNS, &batch);
	if (ret < 0)
		return smudge_error_set(err, ret, "client",
					"no memory for a batch");
	do {
		ret = smudge_client_take(client, region, first_page, npages,
					 batch, err);
		if (ret < 0)
			break;
		first_page = smudge_batch_end_page(batch);
		npages = end_page - first_page;
		smudge_client_commit(client, batch);
	} while (first_page < end_page);
	smudge_batch_destroy(batch);
	return ret;
}
