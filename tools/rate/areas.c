/* SPDX-License-Identifier: MIT */
/*
 * Mappings that are looked at.
 */
#include "rate/areas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rate/report.h"
#include "rate/resident.h"

void rate_areas_free(struct rate_areas *areas)
{
	for (size_t i = 0; i < areas->n; i++)
		rate_written_free(&areas->list[i].written);
	free(areas->list);
	*areas = (struct rate_areas){0};
}

static bool is_same(const struct rate_mapping *a, const struct rate_mapping *b)
{
	return a->address == b->address && !strcmp(a->name, b->name);
}

/* What was found in it is taken from @from, in the order of addresses. */
static int take_area(struct rate_area *area, const struct rate_mapping *mapping,
		     struct rate_areas *from, size_t *at)
{
	uint64_t npages = mapping->size_bytes / RATE_PAGE_BYTES;

	area->mapping = *mapping;
	while (*at < from->n &&
	       from->list[*at].mapping.address < mapping->address)
		++*at;
	if (*at < from->n && is_same(&from->list[*at].mapping, mapping)) {
		area->written = from->list[*at].written;
		area->is_armed = from->list[*at].is_armed;
		from->list[*at].written = (struct rate_written){0};
	}
	if (area->written.npages == npages)
		return 0;
	return rate_written_resize(&area->written, npages);
}

static bool are_same(const struct rate_areas *areas,
		     const struct rate_mappings *mappings)
{
	if (areas->n != mappings->n)
		return false;
	for (size_t i = 0; i < areas->n; i++) {
		const struct rate_mapping *old = &areas->list[i].mapping;

		if (!is_same(old, &mappings->list[i]) ||
		    old->size_bytes != mappings->list[i].size_bytes)
			return false;
	}
	return true;
}

int rate_areas_follow(struct rate_areas *areas,
		      const struct rate_mappings *mappings)
{
	struct rate_areas now = {0};
	size_t at = 0;
	int ret = 0;

	if (are_same(areas, mappings))
		return 0;
	now.list = calloc(mappings->n + 1, sizeof(*now.list));
	if (!now.list)
		return -ENOMEM;
	for (size_t i = 0; i < mappings->n && !ret; i++) {
		if (mappings->list[i].size_bytes <= RATE_RESIDENT_MAX_BYTES)
			ret = take_area(&now.list[now.n++], &mappings->list[i],
					areas, &at);
	}
	rate_areas_free(areas);
	*areas = now;
	return ret;
}

uint64_t rate_areas_pages(const struct rate_areas *areas, bool is_armed)
{
	uint64_t npages = 0;

	for (size_t i = 0; i < areas->n; i++) {
		if (areas->list[i].is_armed == is_armed)
			npages += areas->list[i].written.npages;
	}
	return npages;
}
