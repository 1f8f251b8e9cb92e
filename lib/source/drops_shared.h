/* SPDX-License-Identifier: MIT */
/*
 * Dropped content in shared memory: the content is in the page cache, not in
 * the process.
 */
#ifndef LIB_SOURCE_DROPS_SHARED_H
#define LIB_SOURCE_DROPS_SHARED_H

#include "source/drops_chunk.h"

/* Note what is mapped and resident, report what was. Return: 0 or -errno. */
int smi_drops_check_shared(const struct smi_drops_chunk *chunk);

/* smi_drops_is_untouched, of addresses of a shared range that is no hugetlbfs.
 */
bool smi_drops_untouched_shared(const struct smi_drops *d,
				struct smi_drops_range *range, uint64_t start,
				uint64_t end);

#endif
