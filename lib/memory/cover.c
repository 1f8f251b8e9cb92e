/* SPDX-License-Identifier: MIT */
/*
 * Which pages of a region no source covers. Sources are in no order, and may
 * overlap; a region has few, so they are walked for each edge.
 */
#include "memory/cover.h"

#include "common/range.h"
#include "sys/guard.h"

static bool covers(const struct smudge_source *source, uint64_t page)
{
	return page >= source->first_page &&
	       page - source->first_page < source->npages;
}

/* @page, or the next one that no source covers. */
static uint64_t skip_covered(const struct smudge_region *region, uint64_t page)
{
	const struct smudge_source *s = region->sources;

	while (s) {
		if (covers(s, page)) {
			page = s->first_page + s->npages;
			s = region->sources;
		} else {
			s = s->next;
		}
	}
	return page;
}

/* Where the next source begins, or @end_page. @page is covered by none. */
static uint64_t next_covered(const struct smudge_region *region, uint64_t page,
			     uint64_t end_page)
{
	for (const struct smudge_source *s = region->sources; s; s = s->next) {
		if (s->first_page > page)
			end_page = min_u64(end_page, s->first_page);
	}
	return end_page;
}

bool smi_cover_next_gap(const struct smudge_region *region, uint64_t first_page,
			uint64_t end_page, struct smudge_run *ret_run)
{
	uint64_t first = skip_covered(region, first_page);

	end_page = min_u64(end_page, smi_region_npages(region));
	if (first >= end_page)
		return false;
	ret_run->first_page = first;
	ret_run->npages = next_covered(region, first, end_page) - first;
	return true;
}

bool smudge_region_next_uncovered(struct smudge_region *region,
				  uint64_t first_page, uint64_t end_page,
				  struct smudge_run *ret_run)
{
	SMI_SYS_GUARD(&region->lock);
	return smi_cover_next_gap(region, first_page, end_page, ret_run);
}
