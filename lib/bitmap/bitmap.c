/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps are created, destroyed, filled and emptied.
 *
 * Costs: create and destroy make a few system calls. A fill writes 8 KiB per
 * TiB and calls madvise(2), whose time follows the populated memory.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bitmap/group.h"
#include "bitmap/mark.h"
#include "bitmap/planes.h"
#include "bitmap/resize.h"
#include "sys/barrier.h"

static int no_memory(uint64_t npages, struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, "bitmap",
				"no memory for a bitmap of %" PRIu64 " pages",
				npages);
}

int smudge_bitmap_create(uint64_t npages, struct smudge_bitmap **ret,
			 struct smudge_error *err)
{
	return smi_bitmap_create_room(npages, npages, ret, err);
}

int smi_bitmap_create_room(uint64_t npages, uint64_t max_npages,
			   struct smudge_bitmap **ret, struct smudge_error *err)
{
	struct smudge_bitmap *b;

	smudge_error_clear(err);
	if (npages == 0 || npages > max_npages ||
	    max_npages > SMUDGE_BITMAP_MAX_PAGES)
		return smudge_error_set(
			err, -EINVAL, "bitmap",
			"a bitmap has from 1 to 2^40 pages, not "
			"%" PRIu64,
			npages);
	b = aligned_alloc(64, sizeof(*b));
	if (!b)
		return no_memory(npages, err);
	memset(b, 0, sizeof(*b));
	smi_bitmap_set_npages(b, npages);
	if (!smi_planes_map(b, smi_count_groups(max_npages))) {
		smudge_bitmap_destroy(b);
		return no_memory(npages, err);
	}
	atomic_init(&b->fast_npages, smi_sys_barrier_register() ? npages : 0);
	atomic_init(&b->mark_npages, npages);
	b->kernels = smi_kernels_choose();
	*ret = b;
	return 0;
}

void smudge_bitmap_destroy(struct smudge_bitmap *b)
{
	if (!b)
		return;
	smi_planes_unmap(b);
	free(b);
}

uint64_t smudge_bitmap_npages(const struct smudge_bitmap *b)
{
	return b->npages;
}

size_t smudge_bitmap_resident_bytes(const struct smudge_bitmap *b)
{
	return sizeof(*b) + smi_planes_resident(b);
}

void smudge_bitmap_fill(struct smudge_bitmap *b)
{
	uint64_t ngroups = b->ngroups;
	uint64_t rest = ngroups & 63;

	smi_planes_drop_bits(b);
	memset(b->full, 0xff, ngroups / 64 * 8);
	if (rest)
		b->full[ngroups / 64] = smi_mask(0, (unsigned int)rest);
}

void smudge_bitmap_empty(struct smudge_bitmap *b)
{
	smi_bitmap_drain(b);
	if (b->owes_barrier)
		return;
	smi_planes_drop_bits(b);
	memset(b->full, 0, b->nlevel2 * 8);
}
