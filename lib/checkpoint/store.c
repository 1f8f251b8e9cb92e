/* SPDX-License-Identifier: MIT */
/*
 * Storing a save: place the regions, write pages, tables, tail and footer to
 * the target, and tell the program.
 *
 * What is known of the moment before changes only when the new one is saved, so
 * an attempt that fails may be made again.
 */
#include "checkpoint/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/committed.h"
#include "checkpoint/continue.h"
#include "checkpoint/layer_info.h"
#include "checkpoint/place.h"
#include "checkpoint/queue.h"
#include "checkpoint/save.h"
#include "checkpoint/tail.h"
#include "sys/clock.h"
#include "sys/error.h"

void smi_moment_clear(struct smi_moment *moment)
{
	smi_digests_destroy(moment->digests);
	smi_layer_clear(&moment->layer);
	*moment = (struct smi_moment){0};
}

void smi_moment_replace(struct smudge_checkpointer *cp,
			const struct smi_stored *stored)
{
	smi_moment_clear(&cp->moment);
	cp->moment = stored->moment;
	cp->has_moment = true;
}

/* What a failed attempt gave them is not used again. */
static void clear_places(struct smi_layer *layer)
{
	for (size_t i = 0; i < layer->nregions; i++) {
		free(layer->regions[i].extents);
		layer->regions[i].extents = NULL;
		layer->regions[i].nextents = 0;
	}
	layer->tail_npages = 0;
}

static int zeros(struct smi_store *store, uint64_t disk_page, uint64_t npages,
		 struct smudge_error *err)
{
	struct smi_target *target = store->target;
	uint64_t n = target->shows_old ? npages
				       : smi_place_showing(store->parent,
							   disk_page, npages);

	return n ? target->ops->zeros(target, disk_page, n, err) : 0;
}

/* Where an older layer's pages would show: zeros first, then what is there. */
static int cover(struct smi_store *store, const struct smi_place_fresh *fresh,
		 size_t nfresh, struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < nfresh && !ret; i++) {
		ret = zeros(store, fresh[i].disk_page, fresh[i].npages, err);
		if (!ret)
			ret = zeros(store, fresh[i].table_page,
				    smi_layer_table_npages(fresh[i].npages),
				    err);
	}
	return ret;
}

/* How long the tail will be. Blobs may still come to a streamed save. */
static int tail_npages(struct smi_store *store, size_t *ret_npages,
		       struct smudge_error *err)
{
	uint8_t *bytes;
	int ret;

	if (store->is_streamed) {
		*ret_npages = SMI_LAYER_MAX_TAIL_BYTES / SMI_QCOW2_PAGE_BYTES;
		return 0;
	}
	ret = smi_tail_encode(&store->save->layer, &bytes, ret_npages, err);
	if (!ret)
		free(bytes);
	return ret;
}

static int place(struct smi_store *store, struct smi_place_fresh **ret_fresh,
		 size_t *ret_nfresh, struct smudge_error *err)
{
	struct smi_layer *layer = &store->save->layer;
	size_t npages;
	int ret;

	clear_places(layer);
	ret = store->parent ? smi_continue_digests(store->cp, err) : 0;
	if (ret < 0)
		return ret;
	layer->has_parent = store->parent;
	layer->parent = store->parent ? store->parent->digest
				      : (struct smi_qcow2_digest){0};
	ret = smi_place_regions(store->parent, layer, ret_fresh, ret_nfresh,
				err);
	if (!ret)
		ret = tail_npages(store, &npages, err);
	if (!ret)
		ret = smi_digests_create(
			layer, store->parent ? store->cp->moment.digests : NULL,
			&store->digests, err);
	if (ret < 0)
		return ret;
	return store->target->ops->place_tail(store->target, store->parent,
					      layer, npages, store->is_streamed,
					      err);
}

static int write_table_page(void *opaque, uint64_t disk_page,
			    const uint8_t *bytes, struct smudge_error *err)
{
	struct smi_store *store = opaque;

	return store->target->ops->data(store->target, disk_page, 1, bytes,
					NULL, err);
}

/* The tables of all extents, where an attempt before may have changed any. */
static int clear_tables(struct smi_store *store, struct smudge_error *err)
{
	const struct smi_layer *layer = &store->save->layer;
	int ret = 0;

	for (size_t i = 0; i < layer->nregions; i++) {
		const struct smi_layer_region *region = &layer->regions[i];

		for (size_t k = 0; k < region->nextents && !ret; k++)
			ret = zeros(store, region->extents[k].table_page,
				    smi_layer_table_npages(
					    region->extents[k].npages),
				    err);
	}
	return ret;
}

static int write_tables(struct smi_store *store, struct smudge_error *err)
{
	bool all = store->parent && store->target->has_other_tables;
	int ret = all ? clear_tables(store, err) : 0;

	return ret ? ret
		   : smi_digests_each(store->digests, !all, write_table_page,
				      store, err);
}

/* Tail and footer; then the layer is on stable storage. */
static int commit(struct smi_store *store, struct smi_stored *stored,
		  struct smudge_error *err)
{
	struct smi_layer *layer = &store->save->layer;
	struct smi_target *target = store->target;
	uint8_t *tail;
	size_t npages;
	int ret;

	layer->digest = smi_digests_sum(store->digests);
	layer->stats.pages = store->pages;
	layer->stats.zero_pages = store->zero_pages;
	layer->stats.write_ns = smi_sys_now_ns() - store->save->resumed_ns;
	ret = smi_tail_encode(layer, &tail, &npages, err);
	if (ret < 0)
		return ret;
	ret = target->ops->place_tail(target, store->parent, layer, npages,
				      false, err);
	if (!ret)
		ret = target->ops->commit(target, tail, stored, err);
	free(tail);
	return ret;
}

static int write_all(struct smi_store *store,
		     const struct smi_place_fresh *fresh, size_t nfresh,
		     struct smi_stored *stored, struct smudge_error *err)
{
	int ret = cover(store, fresh, nfresh, err);

	if (!ret)
		ret = smi_store_pages(store, err);
	if (!ret)
		ret = write_tables(store, err);
	if (!ret)
		ret = commit(store, stored, err);
	if (ret < 0)
		store->target->ops->stop(store->target);
	return ret;
}

/* The program may refuse it. */
static int tell(struct smi_store *store, struct smi_stored *stored,
		struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret;

	smi_layer_info(&store->save->layer, stored->moment.number,
		       &stored->info);
	stored->info.is_full = store->save->is_full;
	stored->info.file_bytes = stored->file_bytes;
	store->target->ops->name(stored->moment.number, stored->info.file_name);
	smudge_error_clear(&stored->refused);
	ret = smi_committed(store->cp, &stored->info, &own);
	if (ret && store->target->is_refusable)
		smi_sys_error_keep(err, &own);
	else if (ret)
		stored->refused = own;
	return store->target->is_refusable ? ret : 0;
}

/* The moment has what the save and the attempt had. */
static void hand_over(struct smi_store *store, struct smi_stored *stored)
{
	stored->moment.layer = store->save->layer;
	stored->moment.digests = store->digests;
	stored->ahead_pages = store->ahead_pages;
	store->save->layer = (struct smi_layer){0};
	store->digests = NULL;
}

/* @ret_stored: also where only the program refused a moment that is there. */
static int write_placed(struct smi_store *store,
			const struct smi_place_fresh *fresh, size_t nfresh,
			struct smi_stored *ret_stored, struct smudge_error *err)
{
	struct smi_target *target = store->target;
	struct smi_stored stored = {0};
	bool is_whole;
	int ret = target->ops->begin(target, store->save,
				     store->parent ? &store->cp->moment : NULL,
				     err);

	if (!ret)
		ret = write_all(store, fresh, nfresh, &stored, err);
	is_whole = !ret;
	if (!ret)
		ret = tell(store, &stored, err);
	if (!ret && target->ops->confirm) {
		ret = target->ops->confirm(target, err);
		is_whole = !ret;
	}
	target->ops->end(target, is_whole);
	if (!is_whole)
		return ret;
	hand_over(store, &stored);
	*ret_stored = stored;
	return ret;
}

/* @ret_may_repeat: after it failed */
static int attempt(struct smudge_checkpointer *cp, struct smi_save *save,
		   struct smi_stored *ret_stored, bool *ret_may_repeat,
		   struct smudge_error *err)
{
	struct smi_store store = {
		.cp = cp,
		.save = save,
		.parent = save->is_full ? NULL : &cp->moment.layer,
		.is_streamed = save->is_streamed,
		.target = cp->target,
		.start_ns = smi_sys_now_ns(),
	};
	struct smi_place_fresh *fresh = NULL;
	size_t nfresh = 0;
	int ret = place(&store, &fresh, &nfresh, err);

	*ret_may_repeat = !ret;
	if (!ret)
		ret = write_placed(&store, fresh, nfresh, ret_stored, err);
	*ret_may_repeat &= !smi_stored_is_whole(ret_stored);
	free(fresh);
	smi_digests_destroy(store.digests);
	return ret;
}

static bool is_full_store(int ret)
{
	return ret == -ENOSPC || ret == -EDQUOT;
}

/* No lock is held: the program may take its time. */
static bool make_room(struct smudge_checkpointer *cp, struct smi_save *save)
{
	return !save->is_streamed && cp->options.store_full &&
	       !cp->options.store_full(cp->options.opaque);
}

static int check_chain(struct smudge_checkpointer *cp, struct smi_save *save,
		       struct smudge_error *err)
{
	int ret = smi_save_check(save, err);

	if (ret < 0 || save->is_full ||
	    save->parent_ticket == cp->stored_ticket)
		return ret;
	return smudge_error_set(err, -EAGAIN, SMI_WHERE,
				"the save before it failed");
}

int smi_store(struct smudge_checkpointer *cp, struct smi_save *save,
	      struct smi_stored *ret_stored, struct smudge_error *err)
{
	int ret = check_chain(cp, save, err);
	bool may_repeat;

	if (ret < 0)
		return ret;
	ret = attempt(cp, save, ret_stored, &may_repeat, err);
	while (may_repeat && is_full_store(ret) && make_room(cp, save)) {
		smudge_error_clear(err);
		ret = attempt(cp, save, ret_stored, &may_repeat, err);
	}
	return ret;
}
