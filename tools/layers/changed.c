/* SPDX-License-Identifier: MIT */
/*
 * Pages that differ. A QEMU that was started again has its memory at other
 * addresses in its process, and so its layers have other regions; then only the
 * pages can be compared.
 */
#include "layers/changed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "common/range.h"
#include "layers/regions.h"

#define NAME	    "layers"
#define PAGE_BYTES  UINT64_C(4096)
#define BLOCK_BYTES (UINT64_C(4) << 20)

struct changed {
	const struct layers_guest *since, *now;
	struct layers_file *files;
	size_t nfiles;
};

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
}

static void want(struct layers_file *file, uint64_t first_off, uint64_t end_off)
{
	for (uint64_t page = first_off / PAGE_BYTES;
	     page < end_off / PAGE_BYTES; page++) {
		uint64_t bit = UINT64_C(1) << page % 64;

		file->nwanted += !(file->wanted[page / 64] & bit);
		file->wanted[page / 64] |= bit;
	}
}

/* Bytes of a region, in each file that has them. */
static void want_region(struct changed *changed, size_t region, uint64_t first,
			uint64_t end)
{
	for (size_t i = 0; i < changed->nfiles; i++) {
		struct layers_file *file = &changed->files[i];

		for (size_t j = 0; j < file->npieces; j++) {
			const struct layers_piece *piece = &file->pieces[j];
			uint64_t begin = max_u64(first, piece->region_off);
			uint64_t last =
				min_u64(end, piece->region_off + piece->nbytes);

			if (piece->region == region && begin < last)
				want(file,
				     piece->file_off + begin -
					     piece->region_off,
				     piece->file_off + last -
					     piece->region_off);
		}
	}
}

static int found(void *opaque, const struct smudge_difference *difference)
{
	struct changed *changed = opaque;
	const struct smudge_chain *chain = changed->now->chain;
	uint64_t first = difference->run.first_page;
	size_t region;

	if (layers_find_region(chain, difference->region_name, &region)) {
		unsigned int shift = layers_region(chain, region).page_shift;

		want_region(changed, region, first << shift,
			    (first + difference->run.npages) << shift);
	}
	return interrupted();
}

static bool is_same_region(const struct changed *changed, size_t i)
{
	const struct smudge_layer_region a =
		layers_region(changed->since->chain, i);
	const struct smudge_layer_region b =
		layers_region(changed->now->chain, i);

	return a.gpa == b.gpa && a.size_bytes == b.size_bytes &&
	       a.page_shift == b.page_shift && strcmp(a.name, b.name) == 0;
}

static bool has_same_regions(const struct changed *changed)
{
	size_t n = smudge_chain_nregions(changed->now->chain);

	if (smudge_chain_nregions(changed->since->chain) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_same_region(changed, i))
			return false;
	return true;
}

/* Of guests whose regions differ: is their memory at the same addresses? */
static bool has_same_ranges(const struct changed *changed)
{
	const struct layers_guest *now = changed->now;
	const struct layers_guest *since = changed->since;
	size_t i = 0;

	while (i < now->nall && i < since->nall &&
	       now->all[i].gpa == since->all[i].gpa &&
	       now->all[i].nbytes == since->all[i].nbytes)
		i++;
	return i && i == now->nall && i == since->nall;
}

/* Bytes of a region, out of the pages that they are in, which are the caller's
 * to free; NULL after a failure. */
static uint8_t *read_bytes(struct smudge_chain *chain, size_t region_index,
			   uint64_t first, uint64_t nbytes,
			   const uint8_t **ret_bytes, struct smudge_error *err)
{
	unsigned int shift = layers_region(chain, region_index).page_shift;
	uint64_t first_page = first >> shift;
	uint64_t end_page = ((first + nbytes - 1) >> shift) + 1;
	uint8_t *pages = malloc((end_page - first_page) << shift);

	if (!pages) {
		no_memory(err);
		return NULL;
	}
	if (smudge_chain_read(chain, region_index, first_page,
			      end_page - first_page, pages, err)) {
		free(pages);
		return NULL;
	}
	*ret_bytes = pages + (first - (first_page << shift));
	return pages;
}

static int compare_block(struct changed *changed,
			 const struct layers_range *since,
			 const struct layers_range *now, uint64_t at,
			 uint64_t nbytes, struct smudge_error *err)
{
	const uint8_t *a, *b;
	uint8_t *old_pages =
		read_bytes(changed->since->chain, since->region,
			   since->region_off + at, nbytes, &a, err);
	uint8_t *new_pages =
		old_pages ? read_bytes(changed->now->chain, now->region,
				       now->region_off + at, nbytes, &b, err)
			  : NULL;

	for (uint64_t i = 0; new_pages && i < nbytes; i += PAGE_BYTES)
		if (memcmp(a + i, b + i, PAGE_BYTES) != 0)
			want_region(changed, now->region,
				    now->region_off + at + i,
				    now->region_off + at + i + PAGE_BYTES);
	free(old_pages);
	free(new_pages);
	return new_pages ? 0 : err->code;
}

static int compare_ranges(struct changed *changed, struct smudge_error *err)
{
	for (size_t i = 0; i < changed->now->nall; i++) {
		const struct layers_range *now = &changed->now->all[i];

		for (uint64_t at = 0; at < now->nbytes; at += BLOCK_BYTES) {
			uint64_t n = min_u64(now->nbytes - at, BLOCK_BYTES);
			int ret =
				compare_block(changed, &changed->since->all[i],
					      now, at, n, err);

			if (!ret && interrupted())
				ret = smudge_error_set(err, -ECANCELED, NAME,
						       "cancelled");
			if (ret)
				return ret;
		}
	}
	return 0;
}

int layers_changed_find(const struct layers_guest *since,
			const struct layers_guest *now,
			struct layers_file *files, size_t nfiles,
			struct smudge_error *err)
{
	struct changed changed = {since, now, files, nfiles};

	for (size_t i = 0; i < nfiles; i++) {
		files[i].wanted = calloc(files[i].nbytes / PAGE_BYTES / 64 + 1,
					 sizeof(*files[i].wanted));
		if (!files[i].wanted)
			return no_memory(err);
	}
	if (has_same_regions(&changed))
		return smudge_chain_diff(since->chain, now->chain, found,
					 &changed, err);
	if (has_same_ranges(&changed))
		return compare_ranges(&changed, err);
	return smudge_error_set(err, -EINVAL, NAME,
				"memory was added or removed since the other "
				"layer: a diff cannot say that");
}

static bool are(const struct layers_file *file, uint64_t first_off,
		uint64_t end_off, bool wanted)
{
	for (uint64_t page = first_off / PAGE_BYTES;
	     page < end_off / PAGE_BYTES; page++)
		if ((file->wanted[page / 64] >> page % 64 & 1) != wanted)
			return false;
	return true;
}

int layers_changed_check(const struct layers_file *file, int fd,
			 struct smudge_error *err)
{
	uint64_t at = 0;

	while (at < file->nbytes) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA);
		off_t hole;

		if (data < 0 && errno != ENXIO)
			return smudge_error_set(err, -errno, NAME,
						"cannot look for the data of "
						"%.120s: %s",
						file->path, strerror(errno));
		if (data < 0)
			data = (off_t)file->nbytes;
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			hole = (off_t)file->nbytes;
		if (data % PAGE_BYTES || hole % PAGE_BYTES ||
		    !are(file, at, (uint64_t)data, false) ||
		    !are(file, (uint64_t)data, (uint64_t)hole, true))
			return smudge_error_set(
				err, -EOPNOTSUPP, NAME,
				"the file system of %.60s does not keep "
				"single pages of 4 KiB apart from holes: a "
				"diff needs one with such blocks, as ext4, XFS "
				"and tmpfs have",
				file->path);
		at = (uint64_t)hole;
	}
	return 0;
}
