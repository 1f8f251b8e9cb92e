/* SPDX-License-Identifier: MIT */
/*
 * The mappings of a process that is looked at, with what the looks found.
 */
#ifndef TOOLS_RATE_AREAS_H
#define TOOLS_RATE_AREAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rate/mapping.h"
#include "rate/written.h"

struct rate_area {
	struct rate_mapping mapping;
	struct rate_written written;
	bool is_armed; /* at the last look */
};

/* Owned; all zero is an empty one. In ascending order of address. */
struct rate_areas {
	struct rate_area *list;
	size_t n;
};

/*
 * rate_areas_follow - have the mappings that there are now
 * @mappings: those above RATE_RESIDENT_MAX_BYTES are left out
 *
 * One that was there keeps what was found in it, also if its end moved.
 * Return: 0 or -ENOMEM (some may be missing).
 */
int rate_areas_follow(struct rate_areas *areas,
		      const struct rate_mappings *mappings);
void rate_areas_free(struct rate_areas *areas);

/* How many pages those have that are armed, or are not. */
uint64_t rate_areas_pages(const struct rate_areas *areas, bool is_armed);

#endif
