/* SPDX-License-Identifier: MIT */
/*
 * Dropped content in private mappings of files: a dropped page loses the copy
 * that belonged to the process.
 */
#ifndef LIB_SOURCE_DROPS_PRIVATE_H
#define LIB_SOURCE_DROPS_PRIVATE_H

#include "source/drops_chunk.h"

/*
 * smi_drops_learn_private - note which pages have a copy of their own
 * @swapped_is_own: a page that is in swap, or dropped, counts as a copy
 *
 * smi_drops_check_private - report the pages that lost it since
 *
 * Return: 0 or -errno.
 */
int smi_drops_learn_private(const struct smi_drops_chunk *chunk,
			    bool swapped_is_own);
int smi_drops_check_private(const struct smi_drops_chunk *chunk);

#endif
