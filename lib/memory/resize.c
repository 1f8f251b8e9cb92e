/* SPDX-License-Identifier: MIT */
/*
 * A region's end moves while writers run.
 *
 * The bitmaps have room for the region's largest size, so only numbers change
 * there (bitmap/resize.h). All of it happens under both locks: no harvest and
 * no take comes between. Whatever may refuse or fail comes first, hence after a
 * failure nothing has changed.
 *
 * GROWING. The sources are armed for the new pages, the bitmaps get them as
 * dirty, and markers are told. A mark of a new page by a marker that read the
 * old size is dropped, and its page is dirty: nothing is lost if the content
 * is visible before the page is taken. So a grace period is waited for with
 * the region's lock held; if there is none, taken pages stay dirty until a
 * barrier has worked, as in a region that is added.
 *
 * SHRINKING. Markers are told, and what they mark behind the end later is
 * dropped by the drains. Nothing has to be waited for: a mark touches the
 * bitmaps only, which stay, and never the region's memory.
 *
 * Markers search the region table by the regions' ends, which may change
 * meanwhile. The search stays right: a region never reaches the next one, so
 * whichever end it reads, it comes to the region that has the address, or this
 * region has it no more, or not yet.
 */
#include "memory/region.h"

#include <errno.h>
#include <inttypes.h>

#include "bitmap/layout.h"
#include "bitmap/resize.h"
#include "memory/source.h"
#include "memory/space.h"
#include "memory/view.h"
#include "sys/guard.h"
#include "sys/log.h"
#include "sys/rcu.h"

#define WHERE "region"

static int check_size(const struct smudge_region *region, uint64_t npages,
		      struct smudge_error *err)
{
	if (!npages)
		return smudge_error_set(err, -EINVAL, WHERE,
					"region %s cannot have 0 pages",
					region->name);
	if (npages > region->max_npages)
		return smudge_error_set(
			err, -ENOSPC, WHERE,
			"region %s was added for at most %" PRIu64
			" pages (max_size_bytes), not %" PRIu64,
			region->name, region->max_npages, npages);
	if (region->nholds)
		return smudge_error_set(
			err, -EBUSY, WHERE,
			"region %s is held by a display, a code handle, a "
			"migration or the program",
			region->name);
	return 0;
}

/* Does the region reach another one with @npages? memory->lock held. */
static int check_neighbours(const struct smudge_region *region, uint64_t npages,
			    struct smudge_error *err)
{
	const struct smi_region_table *table = smi_memory_table(region->memory);
	uint64_t last = region->gpa + (npages << region->page_shift) - 1;

	for (size_t i = 0; i < table->n; i++) {
		const struct smudge_region *other = table->regions[i];

		if (other->gpa > region->gpa && other->gpa <= last)
			return smudge_error_set(
				err, -EEXIST, WHERE,
				"region %s with %" PRIu64
				" pages would overlap region %s at gpa "
				"0x%" PRIx64,
				region->name, npages, other->name, other->gpa);
	}
	return 0;
}

/* Who took a page reads it until the commit. region->lock held. */
static int check_batches(const struct smudge_region *region, uint64_t npages,
			 struct smudge_error *err)
{
	for (const struct smi_view *v = smi_region_views(region); v;
	     v = smi_view_next(v)) {
		if (smi_view_has_batches(v) && v->batches_end > npages)
			return smudge_error_set(
				err, -EBUSY, WHERE,
				"client %s has a batch with pages of region %s "
				"behind the new end",
				v->client->name, region->name);
	}
	return 0;
}

/* What markers stored that read the old size becomes visible, or is owed. */
static void settle(struct smudge_region *region)
{
	if (smi_sys_rcu_synchronize())
		return;
	for (struct smi_view *v = smi_region_views(region); v;
	     v = smi_view_next(v))
		v->bitmap->owes_barrier = true;
}

static int grow(struct smudge_region *region, uint64_t npages,
		struct smudge_error *err)
{
	int ret = smi_sources_grow(region, npages, err);

	if (ret < 0)
		return ret;
	for (struct smi_view *v = smi_region_views(region); v;
	     v = smi_view_next(v))
		smi_bitmap_grow(v->bitmap, npages);
	smi_region_set_npages(region, npages);
	settle(region);
	return 0;
}

static void shrink(struct smudge_region *region, uint64_t npages)
{
	smi_region_set_npages(region, npages);
	for (struct smi_view *v = smi_region_views(region); v;
	     v = smi_view_next(v))
		smi_bitmap_shrink(v->bitmap, npages);
	smi_sources_shrink(region, npages);
}

/* memory->lock held. */
static int resize(struct smudge_region *region, uint64_t npages,
		  struct smudge_error *err)
{
	SMI_SYS_GUARD(&region->lock);
	int ret = smi_sources_check_size(region, npages, err);

	if (ret < 0)
		return ret;
	if (npages > smi_region_npages(region))
		return grow(region, npages, err);
	ret = check_batches(region, npages, err);
	if (ret == 0)
		shrink(region, npages);
	return ret;
}

int smudge_region_resize(struct smudge_region *region, uint64_t npages,
			 struct smudge_error *err)
{
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	ret = smi_memory_check_space(region->memory, err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&region->memory->lock);
	if (npages == smi_region_npages(region))
		return 0;
	ret = check_size(region, npages, err);
	if (ret == 0)
		ret = check_neighbours(region, npages, err);
	if (ret == 0)
		ret = resize(region, npages, err);
	if (ret < 0)
		smudge_error_at(err, region->id, smi_region_npages(region));
	return ret;
}
