/* SPDX-License-Identifier: MIT */
/*
 * Reading a chain: places of many pages are found, sorted by image, then
 * fetched from one image after the other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qcow2/chain.h"
#include "qcow2/fetch.h"
#include "qcow2/index.h"
#include "qcow2/place.h"
#include "qcow2/raw.h"
#include "qcow2/stack.h"

#define WHERE "qcow2"

/* Pages whose places are collected before any of them is read. */
#define BATCH_PAGES (UINT64_C(1) << 16)

struct smi_qcow2_reader {
	struct smi_qcow2_stack stack;
	struct smi_qcow2_index index;
	struct smi_qcow2_fetch fetch;
	uint64_t npages; /* of the disk */
	/* Places of a batch, in disk order, then by image. */
	struct smi_qcow2_place *found, *sorted;
	size_t nfound, room;
	uint32_t *starts; /* in sorted, of each image's */
};

int smi_qcow2_reader_create(const struct smi_qcow2_chain *chain, size_t first,
			    size_t depth, struct smi_qcow2_reader **ret_reader,
			    struct smudge_error *err)
{
	struct smi_qcow2_reader *reader = calloc(1, sizeof(*reader));
	int ret;

	if (!reader)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	smi_qcow2_fetch_init(&reader->fetch, &reader->stack);
	reader->stack.fd = -1;
	ret = smi_qcow2_stack_create(&reader->stack, chain, first, depth, err);
	if (!ret) {
		reader->npages = smi_qcow2_chain_npages(chain, first);
		reader->starts = calloc(reader->stack.depth + 1,
					sizeof(*reader->starts));
		if (!reader->starts)
			ret = smudge_error_set(err, -ENOMEM, WHERE,
					       "out of memory");
	}
	if (ret)
		smi_qcow2_reader_destroy(reader);
	else
		*ret_reader = reader;
	return ret;
}

void smi_qcow2_reader_destroy(struct smi_qcow2_reader *reader)
{
	if (!reader)
		return;
	smi_qcow2_fetch_clear(&reader->fetch);
	smi_qcow2_index_unload(&reader->index);
	smi_qcow2_stack_destroy(&reader->stack);
	free(reader->starts);
	free(reader->found);
	free(reader->sorted);
	free(reader);
}

void smi_qcow2_reader_rest(struct smi_qcow2_reader *reader)
{
	smi_qcow2_stack_close(&reader->stack);
}

void smi_qcow2_reader_await(struct smi_qcow2_reader *reader)
{
	reader->index.is_awaited = true;
}

void smi_qcow2_reader_keep(struct smi_qcow2_reader *reader,
			   const struct smi_qcow2_kept *kept)
{
	reader->stack.kept = kept;
}

/* The first run of alike pages from @page on, and before @end_page. */
static int find(struct smi_qcow2_reader *reader, uint64_t page,
		uint64_t end_page, struct smi_qcow2_place *ret_place,
		struct smudge_error *err)
{
	const struct smi_qcow2_window *window;
	int ret = smi_qcow2_index_find(&reader->index, &reader->stack, page,
				       end_page, reader->npages, &window, err);

	return ret ? ret
		   : smi_qcow2_place_find(&reader->stack, window, page,
					  end_page, ret_place, err);
}

static int check_range(const struct smi_qcow2_reader *reader,
		       uint64_t first_page, uint64_t end_page,
		       struct smudge_error *err)
{
	if (first_page <= end_page && end_page <= reader->npages)
		return 0;
	return smudge_error_set(err, -EINVAL, WHERE,
				"pages %llu to %llu of a disk of %llu pages",
				(unsigned long long)first_page,
				(unsigned long long)end_page,
				(unsigned long long)reader->npages);
}

/* The raw image that is all of the chain, or NULL. */
static const struct smi_qcow2_raw *raw_of(const struct smi_qcow2_reader *reader)
{
	const struct smi_qcow2_image *top =
		smi_qcow2_stack_image(&reader->stack, 0);

	return top->raw.read ? &top->raw : NULL;
}

int smi_qcow2_reader_locate(struct smi_qcow2_reader *reader,
			    uint64_t first_page, uint64_t end_page,
			    struct smudge_error *err)
{
	const struct smi_qcow2_window *window;
	int ret = check_range(reader, first_page, end_page, err);

	if (ret || first_page == end_page || raw_of(reader))
		return ret;
	return smi_qcow2_index_find(&reader->index, &reader->stack, first_page,
				    end_page, reader->npages, &window, err);
}

/* Can @place be part of a piece whose first place is @first? */
static bool is_alike(const struct smi_qcow2_place *first,
		     const struct smi_qcow2_place *place)
{
	return place->kind == first->kind &&
	       (place->kind == SMI_QCOW2_KIND_NOWHERE ||
		place->image == first->image);
}

static struct smi_qcow2_piece piece_of(const struct smi_qcow2_reader *reader,
				       const struct smi_qcow2_place *place)
{
	struct smi_qcow2_piece piece = {
		.first_page = place->first_page,
		.npages = place->npages,
		.image = reader->stack.first + place->image,
		.is_zero = place->kind == SMI_QCOW2_KIND_ZEROS,
		.is_compressed = place->kind == SMI_QCOW2_KIND_COMPRESSED,
	};
	uint64_t whole = place->shown_bytes >> SMI_QCOW2_PAGE_SHIFT;

	if (place->kind == SMI_QCOW2_KIND_NOWHERE) {
		piece.image = SMI_QCOW2_NOWHERE;
		piece.is_zero = true;
	}
	/* Pages of which the file has only a part, or nothing, are apart. */
	if (place->kind == SMI_QCOW2_KIND_RAW && whole) {
		piece.npages = whole;
		piece.file_off = place->file_off;
	}
	return piece;
}

int smi_qcow2_reader_piece(struct smi_qcow2_reader *reader, uint64_t first_page,
			   uint64_t end_page, struct smi_qcow2_piece *ret_piece,
			   struct smudge_error *err)
{
	struct smi_qcow2_place first, next;
	int ret = check_range(reader, first_page, end_page, err);

	if (!ret && first_page == end_page)
		ret = smudge_error_set(err, -EINVAL, WHERE, "no pages");
	if (!ret && raw_of(reader)) {
		*ret_piece = (struct smi_qcow2_piece){
			.first_page = first_page,
			.npages = end_page - first_page,
			.file_off = first_page << SMI_QCOW2_PAGE_SHIFT,
		};
		return 0;
	}
	if (!ret)
		ret = find(reader, first_page, end_page, &first, err);
	if (ret)
		return ret;
	while (first.kind != SMI_QCOW2_KIND_RAW &&
	       first_page + first.npages < end_page) {
		ret = find(reader, first_page + first.npages, end_page, &next,
			   NULL);
		/* A failure is reported when that page is asked for. */
		if (ret || !is_alike(&first, &next))
			break;
		first.npages += next.npages;
	}
	*ret_piece = piece_of(reader, &first);
	return 0;
}

static int add_found(struct smi_qcow2_reader *reader,
		     const struct smi_qcow2_place *place,
		     struct smudge_error *err)
{
	if (reader->nfound == reader->room) {
		size_t room = reader->room ? 2 * reader->room : 256;
		struct smi_qcow2_place *found =
			realloc(reader->found, room * sizeof(*found));
		struct smi_qcow2_place *sorted =
			realloc(reader->sorted, room * sizeof(*sorted));

		reader->found = found ? found : reader->found;
		reader->sorted = sorted ? sorted : reader->sorted;
		if (!found || !sorted)
			return smudge_error_set(err, -ENOMEM, WHERE,
						"out of memory");
		reader->room = room;
	}
	reader->found[reader->nfound++] = *place;
	return 0;
}

/* Collect the places of the batch's pages; those of zeros are written. */
static int collect(struct smi_qcow2_reader *reader,
		   const struct smi_qcow2_target *target, uint64_t end,
		   struct smudge_error *err)
{
	struct smi_qcow2_place place;
	int ret = 0;

	reader->nfound = 0;
	for (uint64_t page = target->first_page; !ret && page < end;
	     page += place.npages) {
		uint64_t n = end - page < SMI_QCOW2_FETCH_PAGES
				     ? end - page
				     : SMI_QCOW2_FETCH_PAGES;

		ret = find(reader, page, page + n, &place, err);
		if (ret)
			break;
		if (place.kind == SMI_QCOW2_KIND_RAW ||
		    place.kind == SMI_QCOW2_KIND_COMPRESSED) {
			ret = add_found(reader, &place, err);
			continue;
		}
		memset(smi_qcow2_target_at(target, page), 0,
		       place.npages << SMI_QCOW2_PAGE_SHIFT);
		ret = smi_qcow2_target_check(target, page, place.npages);
	}
	return ret;
}

static int compare_places(const void *left, const void *right)
{
	const struct smi_qcow2_place *a = left, *b = right;

	return (a->file_off > b->file_off) - (a->file_off < b->file_off);
}

static bool is_ascending(const struct smi_qcow2_place *places, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (places[i].file_off < places[i - 1].file_off)
			return false;
	}
	return true;
}

/* Sort what was found by image; starts[i] becomes the end of image i's. */
static void sort_by_image(struct smi_qcow2_reader *reader)
{
	uint32_t *starts = reader->starts;
	size_t depth = reader->stack.depth;

	memset(starts, 0, (depth + 1) * sizeof(*starts));
	for (size_t i = 0; i < reader->nfound; i++)
		starts[reader->found[i].image + 1]++;
	for (size_t i = 1; i <= depth; i++)
		starts[i] += starts[i - 1];
	for (size_t i = 0; i < reader->nfound; i++) {
		const struct smi_qcow2_place *place = &reader->found[i];

		reader->sorted[starts[place->image]++] = *place;
	}
}

static int read_batch(struct smi_qcow2_reader *reader,
		      const struct smi_qcow2_target *target, uint64_t end,
		      struct smudge_error *err)
{
	int ret = smi_qcow2_reader_locate(reader, target->first_page, end, err);
	uint32_t start = 0;

	if (!ret)
		ret = collect(reader, target, end, err);
	if (ret)
		return ret;
	sort_by_image(reader);
	for (size_t i = 0; !ret && i < reader->stack.depth; i++) {
		struct smi_qcow2_place *places = reader->sorted + start;
		size_t n = reader->starts[i] - start;

		start = reader->starts[i];
		if (!n)
			continue;
		if (!is_ascending(places, n))
			qsort(places, n, sizeof(*places), compare_places);
		ret = smi_qcow2_fetch_image(&reader->fetch, places, n, target,
					    err);
	}
	return ret;
}

static int read_target(struct smi_qcow2_reader *reader,
		       struct smi_qcow2_target target, uint64_t npages,
		       struct smudge_error *err)
{
	uint64_t end = target.first_page + npages;
	int ret = check_range(reader, target.first_page, end, err);

	if (!ret && raw_of(reader))
		return smi_qcow2_raw_fetch(raw_of(reader), &target, end, err);
	while (!ret && target.first_page < end) {
		uint64_t n = end - target.first_page;

		if (n > BATCH_PAGES)
			n = BATCH_PAGES;
		ret = read_batch(reader, &target, target.first_page + n, err);
		target.first_page += n;
		target.bytes += n << SMI_QCOW2_PAGE_SHIFT;
		if (target.packed_bytes)
			target.packed_bytes += n;
	}
	return ret;
}

int smi_qcow2_reader_read_checked(struct smi_qcow2_reader *reader,
				  uint64_t first_page, uint64_t npages,
				  void *buffer,
				  const struct smi_qcow2_check *check,
				  struct smudge_error *err)
{
	const struct smi_qcow2_target target = {
		.first_page = first_page, .bytes = buffer, .check = check};

	return read_target(reader, target, npages, err);
}

int smi_qcow2_reader_read_stored(struct smi_qcow2_reader *reader,
				 uint64_t first_page, uint64_t npages,
				 void *buffer, uint16_t *packed_bytes,
				 struct smudge_error *err)
{
	const struct smi_qcow2_target target = {.first_page = first_page,
						.bytes = buffer,
						.packed_bytes = packed_bytes};

	memset(packed_bytes, 0, npages * sizeof(*packed_bytes));
	return read_target(reader, target, npages, err);
}

int smi_qcow2_reader_read(struct smi_qcow2_reader *reader, uint64_t first_page,
			  uint64_t npages, void *buffer,
			  struct smudge_error *err)
{
	return smi_qcow2_reader_read_checked(reader, first_page, npages, buffer,
					     NULL, err);
}
