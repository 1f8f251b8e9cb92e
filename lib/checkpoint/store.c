/* SPDX-License-Identifier: MIT */
/*
 * Storing a save: place the regions, write pages, tables, tail and footer, put
 * the file in place.
 *
 * Nothing of the moment before changes until the layer is in place, so an
 * attempt that fails leaves nothing behind and may be made again.
 */
#include "checkpoint/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/in_place.h"
#include "checkpoint/place.h"
#include "checkpoint/queue.h"
#include "checkpoint/save.h"
#include "checkpoint/tail.h"
#include "qcow2/writer.h"
#include "sys/clock.h"
#include "sys/guard.h"

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
}

static int zeros(struct smi_store *store, uint64_t disk_page, uint64_t npages,
		 struct smudge_error *err)
{
	uint64_t n = smi_place_showing(store->parent, disk_page, npages);

	return n ? smi_qcow2_writer_zeros(store->writer, disk_page, n, err) : 0;
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
	smi_place_tail(store->parent, layer, npages);
	return 0;
}

/* From here on a cancel reaches the writer. */
static void show_writer(struct smudge_checkpointer *cp,
			struct smi_qcow2_writer *writer)
{
	SMI_SYS_GUARD(&cp->lock);
	cp->writer = writer;
}

static int create_writer(struct smi_store *store, struct smudge_error *err)
{
	struct smudge_checkpointer *cp = store->cp;
	char parent_name[SMI_FOLDER_NAME_BYTES];
	struct smi_qcow2_writer_options options = {
		.fd = store->file.fd,
		.npages = store->save->layer.disk_npages,
		.backing_name = store->parent ? parent_name : NULL,
		.compress = !store->save->options.uncompressed,
		.nthreads = cp->nthreads,
	};
	int ret;

	smi_folder_name(cp->moment.number, parent_name);
	ret = smi_qcow2_writer_create(&options, &store->writer, err);
	if (ret < 0)
		return ret;
	show_writer(cp, store->writer);
	return smi_save_check(store->save, err);
}

static int write_table_page(void *opaque, uint64_t disk_page,
			    const uint8_t *bytes, struct smudge_error *err)
{
	struct smi_store *store = opaque;

	return smi_qcow2_writer_data(store->writer, disk_page, 1, bytes, NULL,
				     err);
}

static int write_end(struct smi_store *store, const uint8_t *tail,
		     uint8_t *footer, struct smudge_error *err)
{
	const struct smi_layer *layer = &store->save->layer;
	struct smi_qcow2_writer *writer = store->writer;
	int ret = smi_qcow2_writer_data(writer, layer->tail_page,
					layer->tail_npages, tail, NULL, err);

	smi_footer_encode(layer, tail, footer);
	if (!ret)
		ret = smi_qcow2_writer_data(writer, layer->disk_npages - 1, 1,
					    footer, NULL, err);
	return ret ? ret : smi_qcow2_writer_drain(writer, err);
}

/* Tail and footer. The place of a streamed layer's tail is large enough. */
static int write_tail(struct smi_store *store, struct smudge_error *err)
{
	struct smi_layer *layer = &store->save->layer;
	uint8_t footer[SMI_QCOW2_PAGE_BYTES];
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
	layer->tail_npages = npages;
	ret = write_end(store, tail, footer, err);
	if (ret < 0)
		smi_store_stop_writer(store);
	free(tail);
	return ret;
}

static int write_all(struct smi_store *store,
		     const struct smi_place_fresh *fresh, size_t nfresh,
		     struct smudge_error *err)
{
	int ret = create_writer(store, err);

	if (!ret)
		ret = cover(store, fresh, nfresh, err);
	if (!ret)
		ret = smi_store_pages(store, err);
	if (!ret)
		ret = smi_digests_each_own(store->digests, write_table_page,
					   store, err);
	return ret ? ret : write_tail(store, err);
}

static int check_parent(struct smi_store *store, struct smudge_error *err)
{
	struct smudge_checkpointer *cp = store->cp;
	struct smi_stamp stamp;

	if (!store->parent)
		return 0;
	pthread_mutex_lock(&cp->lock);
	stamp = cp->moment.stamp;
	pthread_mutex_unlock(&cp->lock);
	return smi_in_place_check(cp->folder_fd, &cp->moment, &stamp, err);
}

static int commit(struct smi_store *store, struct smi_stored *ret_stored,
		  struct smudge_error *err)
{
	struct smudge_checkpointer *cp = store->cp;
	struct smi_qcow2_writer_stats stats;
	uint64_t number;
	int ret = smi_qcow2_writer_finish(store->writer, &stats, err);

	/* It takes long: what may have changed is looked at afterwards. */
	if (!ret)
		ret = smi_folder_flush(&store->file, err);
	if (!ret)
		ret = smi_save_check(store->save, err);
	if (!ret)
		ret = check_parent(store, err);
	if (!ret)
		ret = smi_in_place_next_number(cp->folder_fd, cp->last_number,
					       &number, err);
	if (!ret)
		ret = smi_folder_commit(&store->file, number, err);
	if (ret < 0)
		return ret;
	cp->last_number = number;
	*ret_stored = (struct smi_stored){
		.moment = {.number = number,
			   .layer = store->save->layer,
			   .digests = store->digests},
		.file_bytes = stats.file_bytes,
		.ahead_pages = store->ahead_pages,
	};
	smi_in_place_stamp(cp->folder_fd, &ret_stored->moment);
	store->save->layer = (struct smi_layer){0};
	store->digests = NULL;
	return 0;
}

static void close_store(struct smi_store *store)
{
	show_writer(store->cp, NULL);
	smi_qcow2_writer_destroy(store->writer);
	smi_digests_destroy(store->digests);
	smi_folder_drop(&store->file);
}

static int attempt(struct smudge_checkpointer *cp, struct smi_save *save,
		   struct smi_stored *ret_stored, struct smudge_error *err)
{
	struct smi_store store = {
		.cp = cp,
		.save = save,
		.parent = save->is_full ? NULL : &cp->moment.layer,
		.is_streamed = save->is_streamed,
		.file = {.fd = -1},
		.start_ns = smi_sys_now_ns(),
	};
	struct smi_place_fresh *fresh = NULL;
	size_t nfresh = 0;
	int ret = place(&store, &fresh, &nfresh, err);

	if (!ret)
		ret = smi_folder_create(cp->folder_fd, &store.file, err);
	if (!ret)
		ret = write_all(&store, fresh, nfresh, err);
	if (!ret)
		ret = commit(&store, ret_stored, err);
	free(fresh);
	close_store(&store);
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

	if (ret < 0)
		return ret;
	ret = attempt(cp, save, ret_stored, err);
	while (is_full_store(ret) && make_room(cp, save)) {
		smudge_error_clear(err);
		ret = attempt(cp, save, ret_stored, err);
	}
	return ret;
}
