/* SPDX-License-Identifier: MIT */
/*
 * Shared memory: the content is the page cache's.
 */
#ifndef LIB_SOURCE_DROPS_SHARED_H
#define LIB_SOURCE_DROPS_SHARED_H

#include "source/drops_chunk.h"

/* Note what is mapped and resident, report what was. Return: 0 or -errno. */
int smi_drops_check_shared(const struct smi_drops_chunk *chunk);

#endif
