/* SPDX-License-Identifier: MIT */
/*
 * Which pages of a region no source covers.
 */
#ifndef LIB_MEMORY_COVER_H
#define LIB_MEMORY_COVER_H

#include "memory/objects.h"

/*
 * The next run without a source in [@first_page, @end_page). region->lock held.
 * Return: false if there is none.
 */
bool smi_cover_next_gap(const struct smudge_region *region, uint64_t first_page,
			uint64_t end_page, struct smudge_run *ret_run);

#endif
