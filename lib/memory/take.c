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
#include <inttypes.h>

#include "bitmap/batch.h"
#include "bitmap/take.h"
#include "common/range.h"
#include "memory/space.h"
#include "memory/source.h"
#include "sys/clock.h"
#include "sys/guard.h"
#include "sys/log.h"
#include "sys/probe.h"

#define SKIP_RUNS 65536
/*
 * The span of one smudge_client_take_next, from its first page on: at least 16
 * pages, since a page has at most 2^30 bytes. A source may need one kernel call
 * per GiB to re-arm, and the region's lock is held meanwhile.
 */
#define MAX_SPAN_BYTES (UINT64_C(1) << 34)

static int check_range(const struct smudge_region *region, uint64_t first_page,
		       uint64_t npages, struct smudge_error *err)
{
	if (smi_region_has(region, first_page, npages))
		return 0;
	return smudge_error_set(err, -EINVAL, "client",
				"%" PRIu64 " pages from page %" PRIu64
				" on are not in region %s of %" PRIu64 " pages",
				npages, first_page, region->name,
				smi_region_npages(region));
}

static int not_empty(struct smudge_error *err)
{
	return smudge_error_set(err, -EBUSY, "client",
				"the batch still holds pages: commit or return "
				"it first");
}

/* The client's view, or NULL and a sentence. region->lock held. */
static struct smi_view *find_view(const struct smudge_region *region,
				  const struct smudge_client *client,
				  struct smudge_error *err)
{
	struct smi_view *view = smi_view_find(region, client);

	if (!view)
		smudge_error_set(err, -EINVAL, "client",
				 "client %s does not watch region %s",
				 client->name, region->name);
	return view;
}

/* The page after the batch's last one; 0 if it has none. */
static uint64_t last_page_end(const struct smudge_batch *batch)
{
	size_t nruns = smudge_batch_nruns(batch);
	struct smudge_run last = {0, 0};

	if (nruns)
		last = smudge_batch_run(batch, nruns - 1);
	return last.first_page + last.npages;
}

/* One batch more of the view. region->lock held. */
static void count_batch(struct smi_view *view, const struct smudge_batch *batch)
{
	uint64_t before = smi_view_has_batches(view) ? view->batches_end : 0;

	view->batches_end = max_u64(before, last_page_end(batch));
	/* Release pairs with the acquire in smi_view_has_batches. */
	atomic_fetch_add_explicit(&view->nbatches, 1, memory_order_acq_rel);
}

/* Re-arm the writers of the taken pages, and make the batch the view's. */
static int own(struct smi_view *view, struct smudge_batch *batch,
	       struct smudge_error *err)
{
	struct smi_counters *counters = &view->client->memory->counters;
	uint64_t npages = smudge_batch_npages(batch);
	int ret = 0;

	if (smudge_batch_nruns(batch) && !view->client->marks_only)
		ret = smi_sources_rearm(view->region, batch, err);
	if (ret < 0) {
		smi_bitmap_put_back(view->bitmap, batch);
		return ret;
	}
	batch->owner = view;
	count_batch(view, batch);
	smi_add(&counters->taken_pages, npages);
	SMI_SYS_PROBE(take, view->client->name, view->region->name, npages,
		      view->bitmap);
	return 0;
}

static void count_take(struct smi_view *view, uint64_t start_ns)
{
	struct smi_counters *counters = &view->client->memory->counters;

	smi_add(&counters->takes, 1);
	smi_add(&counters->take_ns, smi_sys_now_ns() - start_ns);
}

static int take_locked(struct smi_view *view, uint64_t first_page,
		       uint64_t npages, struct smudge_batch *batch,
		       struct smudge_error *err)
{
	uint64_t start_ns = smi_sys_now_ns();
	int ret = smudge_bitmap_take(view->bitmap, first_page, npages, batch);

	if (ret < 0)
		return not_empty(err);
	ret = own(view, batch, err);
	if (ret == 0)
		count_take(view, start_ns);
	return ret;
}

int smudge_client_take(struct smudge_client *client,
		       struct smudge_region *region, uint64_t first_page,
		       uint64_t npages, struct smudge_batch *batch,
		       struct smudge_error *err)
{
	struct smi_view *view;
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	ret = smi_memory_check_space(region->memory, err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&region->lock);
	ret = check_range(region, first_page, npages, err);
	if (ret < 0)
		return ret;
	view = find_view(region, client, err);
	ret = view ? take_locked(view, first_page, npages, batch, err)
		   : -EINVAL;
	if (ret < 0)
		smudge_error_at(err, region->id, first_page);
	return ret;
}

/* Return: 1; 0, and the batch is empty; or a failure. */
static int take_next_locked(struct smi_view *view, struct smudge_run *rest,
			    uint64_t max_pages, struct smudge_batch *batch,
			    struct smudge_error *err)
{
	uint64_t start_ns = smi_sys_now_ns();
	uint64_t end_page = rest->first_page + rest->npages;
	uint64_t next_page = end_page;
	bool found = smi_bitmap_take_next(
		view->bitmap, rest->first_page, end_page, max_pages,
		MAX_SPAN_BYTES >> view->region->page_shift, batch);

	if (found) {
		uint64_t first_page = smudge_batch_run(batch, 0).first_page;
		int ret = own(view, batch, err);

		if (ret < 0) {
			smudge_error_at(err, view->region->id, first_page);
			return ret;
		}
		next_page = smudge_batch_end_page(batch);
	}
	*rest = (struct smudge_run){next_page, end_page - next_page};
	count_take(view, start_ns);
	return found;
}

static int check_next(const struct smudge_region *region,
		      const struct smudge_run *rest, uint64_t max_pages,
		      const struct smudge_batch *batch,
		      struct smudge_error *err)
{
	if (!max_pages)
		return smudge_error_set(err, -EINVAL, "client",
					"a take of at most 0 pages would never "
					"come to an end");
	if (batch->is_taken)
		return not_empty(err);
	return check_range(region, rest->first_page, rest->npages, err);
}

int smudge_client_take_next(struct smudge_client *client,
			    struct smudge_region *region,
			    struct smudge_run *rest, uint64_t max_pages,
			    struct smudge_batch *batch,
			    struct smudge_error *err)
{
	struct smi_view *view;
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	ret = smi_memory_check_space(region->memory, err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&region->lock);
	ret = check_next(region, rest, max_pages, batch, err);
	if (ret < 0 || !rest->npages)
		return ret;
	view = find_view(region, client, err);
	ret = view ? take_next_locked(view, rest, max_pages, batch, err)
		   : -EINVAL;
	if (ret < 0)
		smudge_error_at(err, region->id, rest->first_page);
	return ret;
}

/* The batch's view, NULL when it is not @client's. */
static struct smi_view *view_of(const struct smudge_client *client,
				const struct smudge_batch *batch)
{
	/* Written by own(), for a view that outlives the batch. */
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
	struct smudge_run rest = {first_page, npages};
	struct smudge_batch *batch;
	int ret;

	smudge_error_clear(err);
	ret = smudge_batch_create(SKIP_RUNS, &batch, NULL);
	if (ret < 0)
		return smudge_error_set(err, ret, "client",
					"no memory for a batch");
	while ((ret = smudge_client_take_next(client, region, &rest, UINT64_MAX,
					      batch, err)) > 0)
		smudge_client_commit(client, batch);
	smudge_batch_destroy(batch);
	return ret;
}
