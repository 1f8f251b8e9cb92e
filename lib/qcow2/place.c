/* SPDX-License-Identifier: MIT */
/*
 * Runs of alike pages in a window.
 */
#include "qcow2/place.h"

#include <stddef.h>

#include "qcow2/cluster.h"

/* A run that is being made longer: pages [at, end) of the window. */
struct run {
	const uint64_t *entries;
	const uint16_t *owners;
	size_t at, end;
};

static uint64_t count_nowhere(const struct run *run)
{
	size_t i = run->at;

	while (i < run->end && !run->owners[i])
		i++;
	return i - run->at;
}

/* A cluster may have a place although it reads as zeros: then a right one. */
static uint64_t count_zeros(const struct run *run,
			    const struct smi_qcow2_image *image)
{
	uint64_t wrong = SMI_QCOW2_OFFSET &
			 ((UINT64_C(1) << image->header.cluster_bits) - 1);
	size_t i = run->at;

	while (i < run->end && run->owners[i] == run->owners[run->at] &&
	       smi_qcow2_entry_is_zero(run->entries[i]) &&
	       !(run->entries[i] & wrong))
		i++;
	return i - run->at;
}

/* Pages of one cluster. @left: until its end, and the first one included. */
static uint64_t count_cluster(const struct run *run, uint64_t left)
{
	size_t i = run->at;

	while (i < run->end && i - run->at < left &&
	       run->owners[i] == run->owners[run->at])
		i++;
	return i - run->at;
}

/* @file_off: of the first page */
static uint64_t count_raw(const struct run *run,
			  const struct smi_qcow2_image *image,
			  uint64_t file_off)
{
	uint64_t mask = (UINT64_C(1) << image->header.cluster_bits) - 1;
	size_t i = run->at;

	for (; i < run->end && run->owners[i] == run->owners[run->at]; i++) {
		uint64_t cluster_off = file_off & ~mask;

		/* It is the expected cluster, or one that is not contiguous. */
		if ((run->entries[i] & (SMI_QCOW2_COMPRESSED | SMI_QCOW2_ZERO |
					SMI_QCOW2_OFFSET)) != cluster_off ||
		    cluster_off >= image->file_bytes)
			break;
		file_off += SMI_QCOW2_PAGE_BYTES;
	}
	return i - run->at;
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The bytes of the run that the image's disk shows and its file has. */
static uint64_t shown_bytes_of(const struct smi_qcow2_stack *stack,
			       const struct smi_qcow2_place *place)
{
	uint64_t file_bytes =
		smi_qcow2_stack_image(stack, place->image)->file_bytes;
	uint64_t shown = stack->shown_bytes[place->image] -
			 (place->first_page << SMI_QCOW2_PAGE_SHIFT);

	shown = lower(shown, place->npages << SMI_QCOW2_PAGE_SHIFT);
	if (place->kind != SMI_QCOW2_KIND_RAW)
		return shown;
	/* The cluster begins in the file, but the page may not. */
	return place->file_off < file_bytes
		       ? lower(shown, file_bytes - place->file_off)
		       : 0;
}

static void find_data(const struct smi_qcow2_stack *stack,
		      const struct run *run,
		      const struct smi_qcow2_cluster *cluster,
		      struct smi_qcow2_place *place)
{
	const struct smi_qcow2_image *image =
		smi_qcow2_stack_image(stack, place->image);
	unsigned int shift = image->header.cluster_bits - SMI_QCOW2_PAGE_SHIFT;
	uint64_t cluster_pages = UINT64_C(1) << shift;
	uint64_t skip = place->first_page & (cluster_pages - 1);

	if (cluster->is_zero) {
		place->kind = SMI_QCOW2_KIND_ZEROS;
		place->npages = count_zeros(run, image);
	} else if (cluster->is_compressed) {
		place->kind = SMI_QCOW2_KIND_COMPRESSED;
		place->npages = count_cluster(run, cluster_pages - skip);
		place->file_off = cluster->file_off;
		place->length_bytes = cluster->length_bytes;
		place->skip_pages = (uint32_t)skip;
	} else {
		place->kind = SMI_QCOW2_KIND_RAW;
		place->file_off =
			cluster->file_off + (skip << SMI_QCOW2_PAGE_SHIFT);
		place->npages = count_raw(run, image, place->file_off);
	}
	place->shown_bytes = shown_bytes_of(stack, place);
}

int smi_qcow2_place_find(const struct smi_qcow2_stack *stack,
			 const struct smi_qcow2_window *window, uint64_t page,
			 uint64_t end_page, struct smi_qcow2_place *ret_place,
			 struct smudge_error *err)
{
	struct smi_qcow2_place place = {.first_page = page};
	struct smi_qcow2_cluster cluster;
	struct run run = {.entries = window->entries, .owners = window->owners};
	int ret;

	end_page = lower(end_page, window->end_page);
	if (!window->entries) {
		place.npages = end_page - page;
		*ret_place = place;
		return 0;
	}
	run.at = (size_t)(page - window->first_page);
	run.end = (size_t)(end_page - window->first_page);
	if (!run.owners[run.at]) {
		place.npages = count_nowhere(&run);
		*ret_place = place;
		return 0;
	}
	place.image = run.owners[run.at] - 1U;
	ret = smi_qcow2_entry_decode(smi_qcow2_stack_image(stack, place.image),
				     run.entries[run.at], &cluster, err);
	if (ret)
		return ret;
	find_data(stack, &run, &cluster, &place);
	*ret_place = place;
	return 0;
}
