/* SPDX-License-Identifier: MIT */
/*
 * Which bytes of which file are which region.
 */
#include "layers/import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/range.h"
#include "layers/layers.h"

#define NAME	       "layers"
#define CHECK_BYTES    (UINT64_C(1) << 20)
#define MAX_PAGE_SHIFT 21

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
}

static int open_files(struct import *import, struct smudge_error *err)
{
	size_t n = import->request->npaths;
	int ret = 0;

	import->files = calloc(n + 1, sizeof(*import->files));
	if (!import->files)
		return no_memory(err);
	for (size_t i = 0; i < n; i++)
		import->files[i] = (struct import_file){
			.path = import->request->paths[i], .fd = -1};
	for (size_t i = 0; i < n && !ret; i++)
		ret = import_file_open(&import->files[i], err);
	return ret;
}

static int make_regions(struct import *import, size_t n,
			struct smudge_error *err)
{
	import->regions = calloc(n + 1, sizeof(*import->regions));
	if (!import->regions)
		return no_memory(err);
	import->nregions = n;
	return 0;
}

/* Those of the layer that the next one stands on. */
static int regions_of_parent(struct import *import, struct smudge_error *err)
{
	int ret = layers_open(import->request->folder, 0, &import->parent, err);

	if (!ret)
		ret = make_regions(import,
				   smudge_chain_nregions(import->parent), err);
	for (size_t i = 0; i < import->nregions && !ret; i++) {
		struct smudge_layer_region region = {.size = sizeof(region)};
		struct import_region *to = &import->regions[i];

		(void)smudge_chain_region(import->parent, i, &region);
		snprintf(to->name, sizeof(to->name), "%s", region.name);
		to->gpa = region.gpa;
		to->nbytes = region.size_bytes;
		to->page_shift = region.page_shift;
		to->id = i;
		to->file = &import->files[0];
	}
	return ret;
}

static int by_gpa(const void *left, const void *right)
{
	const struct import_region *a = left, *b = right;

	return (a->gpa > b->gpa) - (a->gpa < b->gpa);
}

/* Those of the command line: of several files each has one. */
static int regions_as_wanted(struct import *import, struct smudge_error *err)
{
	const struct import_request *request = import->request;
	int ret = make_regions(import, request->nwanted, err);

	if (ret)
		return ret;
	for (size_t i = 0; i < import->nregions; i++) {
		import->regions[i] = request->wanted[i];
		import->regions[i].page_shift = 12;
		import->regions[i].file =
			&import->files[request->npaths > 1 ? i : 0];
	}
	qsort(import->regions, import->nregions, sizeof(*import->regions),
	      by_gpa);
	return 0;
}

/* Those of a guest with so much memory. */
static int regions_by_length(struct import *import, struct smudge_error *err)
{
	static const char *const names[LAYERS_MAX_SPLIT] = {"ram-low",
							    "ram-high"};
	struct layers_range ranges[LAYERS_MAX_SPLIT];
	size_t n = layers_layout_split(import->request->layout,
				       import->files[0].nbytes, ranges);
	int ret = make_regions(import, n, err);

	for (size_t i = 0; i < import->nregions; i++) {
		struct import_region *to = &import->regions[i];

		snprintf(to->name, sizeof(to->name), "%s", names[i]);
		to->gpa = ranges[i].gpa;
		to->nbytes = ranges[i].nbytes;
		to->page_shift = 12;
		to->file = &import->files[0];
	}
	return ret;
}

static int other_length(const struct import_file *file, uint64_t nbytes,
			struct smudge_error *err)
{
	return smudge_error_set(err, -EINVAL, NAME,
				"%.100s has %llu bytes, and its regions need "
				"%llu",
				file->path, (unsigned long long)file->nbytes,
				(unsigned long long)nbytes);
}

/* Regions in one file. */
static int place_all(struct import *import, struct smudge_error *err)
{
	size_t n = import->nregions;
	struct layers_range *ranges = calloc(n + 1, sizeof(*ranges));
	uint64_t nbytes = 0;
	int ret;

	if (!ranges)
		return no_memory(err);
	for (size_t i = 0; i < n; i++)
		ranges[i] = (struct layers_range){
			.gpa = import->regions[i].gpa,
			.nbytes = import->regions[i].nbytes};
	ret = layers_layout_place(import->request->layout, ranges, n, &nbytes);
	for (size_t i = 0; i < n; i++)
		import->regions[i].file_off = ranges[i].file_off;
	free(ranges);
	if (ret)
		return smudge_error_set(err, ret, NAME,
					"the regions do not fit in a file");
	return nbytes == import->files[0].nbytes
		       ? 0
		       : other_length(&import->files[0], nbytes, err);
}

static int place(struct import *import, struct smudge_error *err)
{
	if (import->request->npaths == 1)
		return place_all(import, err);
	for (size_t i = 0; i < import->nregions; i++)
		if (import->regions[i].nbytes !=
		    import->regions[i].file->nbytes)
			return other_length(import->regions[i].file,
					    import->regions[i].nbytes, err);
	return 0;
}

/* Each part of a page that is read takes the whole of it. */
static int check_pages(const struct import *import, struct smudge_error *err)
{
	for (size_t i = 0; i < import->nregions; i++)
		if (import->regions[i].page_shift > MAX_PAGE_SHIFT)
			return smudge_error_set(
				err, -EOPNOTSUPP, NAME,
				"a diff of region %.60s is not imported: its "
				"pages are above 2 MiB",
				import->regions[i].name);
	return 0;
}

static int check_regions(const struct import *import, struct smudge_error *err)
{
	for (size_t i = 1; i < import->nregions; i++) {
		const struct import_region *below = &import->regions[i - 1];

		if (import->regions[i].gpa >=
		    range_end(below->gpa, below->nbytes))
			continue;
		return smudge_error_set(err, -EINVAL, NAME,
					"regions %.60s and %.60s overlap",
					below->name, import->regions[i].name);
	}
	return 0;
}

/* Nothing but zeros may be where no region is. */
static int check_gap(const struct import_file *file, uint64_t first,
		     uint64_t end, uint8_t *buffer, struct smudge_error *err)
{
	uint64_t data_end;

	while (first < end &&
	       (first = import_file_next(file, first, end, &data_end)) < end) {
		uint64_t n = min_u64(data_end - first, CHECK_BYTES);
		int ret = import_file_read(file, first, n, buffer, err);

		if (ret)
			return ret;
		if (buffer[0] || memcmp(buffer, buffer + 1, n - 1) != 0)
			return smudge_error_set(
				err, -EINVAL, NAME,
				"%.100s has data from 0x%llx on, where no "
				"region is",
				file->path, (unsigned long long)first);
		first += n;
	}
	return 0;
}

/* Of one file: a flat one may have gaps between regions. */
static int check_gaps(const struct import *import, struct smudge_error *err)
{
	uint8_t *buffer = malloc(CHECK_BYTES);
	uint64_t at = 0;
	int ret = 0;

	if (!buffer)
		return no_memory(err);
	for (size_t i = 0;
	     import->request->npaths == 1 && i < import->nregions && !ret;
	     i++) {
		const struct import_region *region = &import->regions[i];

		ret = check_gap(region->file, at, region->file_off, buffer,
				err);
		at = region->file_off + region->nbytes;
	}
	free(buffer);
	return ret;
}

static void count_data(struct import *import)
{
	for (size_t i = 0; i < import->nregions; i++) {
		const struct import_region *region = &import->regions[i];
		uint64_t end = region->file_off + region->nbytes;
		uint64_t at = region->file_off, data_end;

		while (at < end && (at = import_file_next(region->file, at, end,
							  &data_end)) < end) {
			import->data_bytes += data_end - at;
			import->data_edges |= at | data_end;
			at = data_end;
		}
	}
}

/*
 * Only holes say what a diff does not have. Where the file system has larger
 * blocks, zeros are around its pages; copies may have no hole at all.
 */
static int check_holes(const struct import *import, struct smudge_error *err)
{
	const struct import_file *file = &import->files[0];
	uint64_t block_bytes = import_file_block_bytes(file);
	uint64_t total_bytes = 0;

	for (size_t i = 0; i < import->nregions; i++)
		total_bytes += import->regions[i].nbytes;
	if (import->data_bytes == total_bytes)
		return smudge_error_set(err, -EINVAL, NAME,
					"%.100s is no diff: it has no hole "
					"(was it copied without them?)",
					file->path);
	if (!import->data_bytes || block_bytes <= IMPORT_PAGE_BYTES ||
	    import->data_edges % block_bytes)
		return 0;
	return smudge_error_set(err, -EOPNOTSUPP, NAME,
				"%.100s is on a file system with blocks of "
				"%llu bytes: its holes do not say which pages "
				"of 4 KiB changed",
				file->path, (unsigned long long)block_bytes);
}

static int choose_regions(struct import *import, struct smudge_error *err)
{
	if (import->request->is_diff)
		return regions_of_parent(import, err);
	return import->request->nwanted ? regions_as_wanted(import, err)
					: regions_by_length(import, err);
}

int import_open(struct import *import, struct smudge_error *err)
{
	int ret = open_files(import, err);

	if (!ret)
		ret = choose_regions(import, err);
	if (!ret)
		ret = check_regions(import, err);
	if (!ret)
		ret = check_pages(import, err);
	if (!ret)
		ret = place(import, err);
	if (!ret)
		ret = check_gaps(import, err);
	for (size_t i = 0; i < import->nregions; i++)
		import->regions[i].import = import;
	if (ret)
		return ret;
	count_data(import);
	return import->request->is_diff ? check_holes(import, err) : 0;
}

void import_close(struct import *import)
{
	for (size_t i = 0; import->files && i < import->request->npaths; i++)
		if (import->files[i].fd >= 0)
			close(import->files[i].fd);
	smudge_chain_close(import->parent);
	free(import->regions);
	free(import->files);
}
