/* SPDX-License-Identifier: MIT */
/*
 * The copies of a save go to the writer.
 *
 * ORDER. A page may have several copies, made before the pause and in it. The
 * last one counts. A save that is filled is written from the last pass to the
 * first, and a page that was written is passed over later. A save that is
 * streamed is written as its pieces come, and a page that comes again replaces
 * what it was.
 */
#include "checkpoint/store.h"

#include <errno.h>
#include <stdlib.h>

#include <smudge/bitmap.h>

#include "checkpoint/place.h"
#include "checkpoint/save.h"
#include "common/range.h"
#include "qcow2/format.h"
#include "sys/guard.h"

/* Pages that were handed to the writer; their digests come later. */
struct handed {
	size_t region; /* index in the layer */
	uint64_t first_page, npages;
	bool is_zero;
};

struct window {
	struct smi_store *store;
	size_t region;		     /* of the last piece */
	bool is_again;		     /* it may have been handed over before */
	struct smudge_bitmap **seen; /* per region of the layer; or NULL */
	struct handed *handed;
	size_t nhanded, max_handed;
	struct smi_qcow2_digest *digests; /* of the data pages */
	uint64_t ndigests, max_digests;
};

static int note(struct window *window, const struct handed *handed,
		struct smudge_error *err)
{
	if (window->nhanded == window->max_handed) {
		size_t max = window->max_handed ? 2 * window->max_handed : 1024;
		struct handed *grown =
			realloc(window->handed, max * sizeof(*grown));

		if (!grown)
			return smi_checkpointer_no_memory(err);
		window->handed = grown;
		window->max_handed = max;
	}
	window->handed[window->nhanded++] = *handed;
	return 0;
}

/* Zeros are written where something else would be seen. */
static int hand_zeros(struct window *window, uint64_t disk_page,
		      uint64_t npages, struct smudge_error *err)
{
	struct smi_store *store = window->store;
	uint64_t n = smi_place_showing(store->parent, disk_page, npages);

	if (window->is_again)
		n = npages;
	if (!n)
		return 0;
	store->pages += n;
	store->zero_pages += n;
	return store->target->ops->zeros(store->target, disk_page, n, err);
}

/* Pages of one extent; @bytes NULL: zeros. */
static int hand_extent(struct window *window, uint64_t disk_page,
		       uint64_t npages, const uint8_t *bytes,
		       struct smudge_error *err)
{
	struct smi_store *store = window->store;
	struct smi_qcow2_digest *digests = window->digests + window->ndigests;

	if (!bytes)
		return hand_zeros(window, disk_page, npages, err);
	window->ndigests += npages;
	store->pages += npages;
	return store->target->ops->data(store->target, disk_page, npages, bytes,
					digests, err);
}

static int hand_run(struct window *window, uint64_t first_page, uint64_t npages,
		    const uint8_t *bytes, struct smudge_error *err)
{
	const struct smi_layer_region *region =
		&window->store->save->layer.regions[window->region];
	const struct handed handed = {window->region, first_page, npages,
				      !bytes};
	uint64_t end = first_page + npages;
	int ret = note(window, &handed, err);

	for (size_t i = 0; i < region->nextents && !ret; i++) {
		const struct smi_layer_extent *extent = &region->extents[i];
		uint64_t from = max_u64(first_page, extent->first_page);
		uint64_t to = min_u64(end, extent->first_page + extent->npages);

		if (from >= to)
			continue;
		ret = hand_extent(
			window, extent->disk_page + (from - extent->first_page),
			to - from,
			bytes ? bytes + ((from - first_page)
					 << SMI_QCOW2_PAGE_SHIFT)
			      : NULL,
			err);
	}
	return ret;
}

/* Is the piece's region in the layer? It may have gone since. */
static bool find_region(struct window *window, uint32_t id)
{
	const struct smi_layer *layer = &window->store->save->layer;

	if (window->region < layer->nregions &&
	    layer->regions[window->region].id == id)
		return true;
	for (size_t i = 0; i < layer->nregions; i++) {
		if (layer->regions[i].id == id) {
			window->region = i;
			return true;
		}
	}
	return false;
}

/* Only the pages that no later pass had. */
static int hand_unseen(struct window *window, const struct smi_piece *piece,
		       uint64_t end, struct smudge_error *err)
{
	struct smudge_bitmap *seen = window->seen[window->region];
	uint64_t at = piece->first_page;
	struct smudge_run run;
	int ret = 0;

	while (!ret && smudge_bitmap_next_clean(seen, at, end, &run)) {
		uint64_t off = (run.first_page - piece->first_page)
			       << SMI_QCOW2_PAGE_SHIFT;

		ret = hand_run(window, run.first_page, run.npages,
			       piece->bytes ? piece->bytes + off : NULL, err);
		at = run.first_page + run.npages;
	}
	smudge_bitmap_set_range(seen, piece->first_page,
				end - piece->first_page);
	return ret;
}

static int hand_piece(struct window *window, const struct smi_piece *piece,
		      struct smudge_error *err)
{
	const struct smi_layer_region *region;
	uint64_t end;

	if (!find_region(window, piece->region_id))
		return 0;
	window->is_again = window->store->is_streamed && piece->pass;
	region = &window->store->save->layer.regions[window->region];
	end = min_u64(piece->first_page + piece->npages,
		      region->size_bytes >> SMI_QCOW2_PAGE_SHIFT);
	if (piece->first_page >= end)
		return 0;
	if (window->seen)
		return hand_unseen(window, piece, end, err);
	return hand_run(window, piece->first_page, end - piece->first_page,
			piece->bytes, err);
}

static int hand_pieces(struct window *window, struct smi_piece_cursor cursor,
		       struct smudge_error *err)
{
	struct smi_piece *piece;
	int ret = 0;

	while (!ret && (piece = smi_pieces_next(&cursor)))
		ret = hand_piece(window, piece, err);
	return ret;
}

/* What was written, when its digests are there. */
static int note_digests(struct window *window, struct smudge_error *err)
{
	struct smi_store *store = window->store;
	const struct smi_qcow2_digest *digests = window->digests;
	int ret = 0;

	for (uint64_t i = 0; i < window->ndigests; i++)
		store->zero_pages += smi_qcow2_digest_is_zero(digests[i]);
	for (size_t i = 0; i < window->nhanded && !ret; i++) {
		const struct handed *handed = &window->handed[i];

		ret = smi_digests_set(store->digests, handed->region,
				      handed->first_page, handed->npages,
				      handed->is_zero ? NULL : digests, err);
		if (!handed->is_zero)
			digests += handed->npages;
	}
	window->nhanded = 0;
	window->ndigests = 0;
	return ret;
}

/* Room for the digests of @npages data pages. */
static int reserve(struct window *window, uint64_t npages,
		   struct smudge_error *err)
{
	if (npages <= window->max_digests)
		return 0;
	free(window->digests);
	window->max_digests = 0;
	window->digests = malloc(npages * sizeof(*window->digests));
	if (!window->digests)
		return smi_checkpointer_no_memory(err);
	window->max_digests = npages;
	return 0;
}

static int settle_window(struct window *window, struct smudge_error *err)
{
	struct smi_target *target = window->store->target;
	int ret = target->ops->drain(target, err);

	return ret ? ret : note_digests(window, err);
}

/* For each region of the layer: the pages that were handed over. */
static int create_seen(struct window *window, struct smudge_error *err)
{
	const struct smi_layer *layer = &window->store->save->layer;
	int ret = 0;

	window->seen = calloc(layer->nregions, sizeof(window->seen[0]));
	if (!window->seen)
		return smi_checkpointer_no_memory(err);
	for (size_t i = 0; i < layer->nregions && !ret; i++)
		ret = smudge_bitmap_create(layer->regions[i].size_bytes >>
						   SMI_QCOW2_PAGE_SHIFT,
					   &window->seen[i], NULL);
	return ret ? smi_checkpointer_no_memory(err) : 0;
}

static void clear_window(struct window *window)
{
	const struct smi_layer *layer = &window->store->save->layer;

	for (size_t i = 0; window->seen && i < layer->nregions; i++)
		smudge_bitmap_destroy(window->seen[i]);
	free(window->seen);
	free(window->handed);
	free(window->digests);
}

static int store_filled(struct window *window, struct smudge_error *err)
{
	struct smi_store *store = window->store;
	struct smi_save *save = store->save;
	int ret = reserve(window, save->pieces.data_pages, err);

	if (!ret && save->npasses > 1)
		ret = create_seen(window, err);
	for (unsigned int i = save->npasses; i-- && !ret;) {
		uint64_t before = window->ndigests;

		ret = hand_pieces(window, save->pass_begin[i], err);
		if (i + 1 < save->npasses)
			store->ahead_pages += window->ndigests - before;
	}
	return ret ? ret : settle_window(window, err);
}

/*
 * Wait for pieces behind the @done ones. Return: how many there are, 0 at the
 * end of the save, or its failure.
 */
static int wait_for_pieces(struct smi_store *store, uint64_t done,
			   uint64_t *ret_npieces, struct smi_chunks *chunks,
			   struct smudge_error *err)
{
	struct smudge_checkpointer *cp = store->cp;
	struct smi_save *save = store->save;
	int ret;

	SMI_SYS_GUARD(&cp->lock);
	ret = smi_save_check(save, err);
	while (!ret && save->published == done && !save->is_filled) {
		pthread_cond_wait(&cp->changed, &cp->lock);
		ret = smi_save_check(save, err);
	}
	*ret_npieces = save->published - done;
	smi_chunks_move(chunks, &save->chunks);
	return ret;
}

/* Return the chunks before the one that @piece is in; NULL: all. */
static void free_chunks(struct smudge_checkpointer *cp,
			struct smi_chunks *chunks,
			const struct smi_piece *piece)
{
	struct smi_chunks done = {0};

	while (chunks->first &&
	       !(piece && piece->bytes >= chunks->first->bytes &&
		 piece->bytes < chunks->first->bytes + SMI_CHUNK_BYTES))
		smi_chunks_push(&done, smi_chunks_pop(chunks));
	smi_copies_put(&cp->copies, &done);
	SMI_SYS_GUARD(&cp->lock);
	pthread_cond_broadcast(&cp->changed);
}

/* As many pieces as a quarter of the budget, then their memory is free. */
static int store_some(struct window *window, struct smi_piece_cursor *cursor,
		      struct smi_chunks *chunks, struct smudge_error *err)
{
	struct smudge_checkpointer *cp = window->store->cp;
	struct smi_piece_cursor next;
	struct smi_piece *piece;
	int ret = 0;

	while (!ret &&
	       window->ndigests + SMI_CHUNK_PAGES <= window->max_digests) {
		piece = smi_pieces_next(cursor);
		if (!piece)
			break;
		ret = hand_piece(window, piece, err);
	}
	if (!ret)
		ret = settle_window(window, err);
	if (ret < 0)
		return ret;
	next = *cursor;
	while ((piece = smi_pieces_next(&next)) && !piece->bytes)
		;
	free_chunks(cp, chunks, piece);
	return 0;
}

static int store_streamed(struct window *window, struct smi_chunks *chunks,
			  struct smudge_error *err)
{
	struct smudge_checkpointer *cp = window->store->cp;
	struct smi_save *save = window->store->save;
	struct smi_piece_cursor cursor = smi_pieces_begin(&save->pieces);
	uint64_t done = 0;
	int ret = reserve(window,
			  max_u64(cp->copies.limit / 4, 2) * SMI_CHUNK_PAGES,
			  err);

	while (!ret) {
		uint64_t npieces;

		ret = wait_for_pieces(window->store, done, &npieces, chunks,
				      err);
		if (ret < 0 || !npieces)
			break;
		done += npieces;
		cursor.npieces = npieces;
		while (!ret && cursor.npieces)
			ret = store_some(window, &cursor, chunks, err);
	}
	return ret;
}

int smi_store_pages(struct smi_store *store, struct smudge_error *err)
{
	struct window window = {.store = store, .region = SIZE_MAX};
	struct smi_chunks chunks = {0};
	int ret = store->is_streamed ? store_streamed(&window, &chunks, err)
				     : store_filled(&window, err);

	if (ret < 0)
		store->target->ops->stop(store->target);
	smi_copies_put(&store->cp->copies, &chunks);
	clear_window(&window);
	return ret;
}
