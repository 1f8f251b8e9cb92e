/* SPDX-License-Identifier: MIT */
/*
 * Files as a memory that the library reads: what is a hole in them was never
 * touched. Of a diff, a hole is what the parent has.
 */
#include "layers/import_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "common/range.h"

#define NAME "layers"

/* What the file has of bytes [@off, @off + @length) of the region. */
static int read_data(const struct import_region *region, uint64_t off,
		     uint64_t length, char *buffer, struct smudge_error *err)
{
	uint64_t first = region->file_off + off;
	uint64_t end = first + length, at = first, data_end;
	int ret = 0;

	while (!ret && at < end &&
	       (at = import_file_next(region->file, at, end, &data_end)) <
		       end) {
		ret = import_file_read(region->file, at, data_end - at,
				       buffer + (at - first), err);
		at = data_end;
	}
	return ret;
}

/* Without a hole. */
static bool is_all_data(const struct import_region *region, uint64_t off,
			uint64_t length)
{
	uint64_t first = region->file_off + off, data_end;

	return import_file_next(region->file, first, first + length,
				&data_end) == first &&
	       data_end == first + length;
}

/* Parts of pages are asked for too, and the chain has whole ones. */
static int read_parent(const struct import_region *region, uint64_t off,
		       uint64_t length, void *buffer, struct smudge_error *err)
{
	unsigned int shift = region->page_shift;
	uint64_t first_page = off >> shift;
	uint64_t npages = ((off + length - 1) >> shift) + 1 - first_page;
	uint8_t *pages = malloc(npages << shift);
	int ret;

	if (!pages)
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	ret = smudge_chain_read(region->import->parent, region->id, first_page,
				npages, pages, err);
	if (!ret)
		memcpy(buffer, pages + (off - (first_page << shift)), length);
	free(pages);
	return ret;
}

static int read_region(void *opaque, uint64_t off, size_t length, void *buffer,
		       struct smudge_error *err)
{
	const struct import_region *region = opaque;
	struct import *import = region->import;
	int ret = 0;

	if (interrupted())
		return smudge_error_set(err, -ECANCELED, NAME, "interrupted");
	if (import->parent && !is_all_data(region, off, length))
		ret = read_parent(region, off, length, buffer, err);
	if (!ret && import->parent)
		ret = read_data(region, off, length, buffer, err);
	else if (!ret)
		ret = import_file_read(region->file, region->file_off + off,
				       length, buffer, err);
	/* Relaxed: it is only shown. */
	atomic_fetch_add_explicit(&import->read_bytes, length,
				  memory_order_relaxed);
	return ret;
}

/* Pages of the region that have data in the file, also in part. */
static bool next_pages(const struct import_region *region, uint64_t *first_page,
		       uint64_t *end_page)
{
	unsigned int shift = region->page_shift;
	uint64_t end = region->file_off + (*end_page << shift), data_end;
	uint64_t data = import_file_next(
		region->file, region->file_off + (*first_page << shift), end,
		&data_end);
	uint64_t last_page;

	if (data >= end)
		return false;
	*first_page = (data - region->file_off) >> shift;
	last_page = (data_end - region->file_off - 1) >> shift;
	*end_page = min_u64(*end_page, last_page + 1);
	return true;
}

static int next_populated(void *opaque, uint64_t *first_page,
			  uint64_t *end_page)
{
	return next_pages(opaque, first_page, end_page);
}

static int add_region(struct smudge_memory *memory,
		      struct import_region *region, struct smudge_error *err)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = region->name,
		.gpa = region->gpa,
		.size_bytes = region->nbytes,
		.page_shift = region->page_shift,
		.read = read_region,
		.read_opaque = region,
		.next_populated =
			region->import->parent ? NULL : next_populated,
	};

	return smudge_region_add(memory, &options, &region->region, err);
}

int import_memory_create(struct import *import,
			 struct smudge_memory **ret_memory,
			 struct smudge_error *err)
{
	struct smudge_memory *memory;
	int ret = smudge_memory_create(&memory);

	if (ret)
		return smudge_error_set(err, ret, NAME, "out of memory");
	for (size_t i = 0; i < import->nregions && !ret; i++)
		ret = add_region(memory, &import->regions[i], err);
	if (ret)
		(void)smudge_memory_destroy(memory, NULL);
	else
		*ret_memory = memory;
	return ret;
}

void import_memory_mark(const struct import *import)
{
	for (size_t i = 0; i < import->nregions; i++) {
		const struct import_region *region = &import->regions[i];
		uint64_t npages = region->nbytes >> region->page_shift;
		uint64_t first = 0, end = npages;

		while (first < npages && next_pages(region, &first, &end)) {
			smudge_region_mark(region->region, first, end - first);
			first = end;
			end = npages;
		}
	}
}
