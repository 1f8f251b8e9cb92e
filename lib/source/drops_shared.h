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

#endif
