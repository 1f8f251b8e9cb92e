/* SPDX-License-Identifier: MIT */
/*
 * Dropped content in hugetlbfs: pages without an entry in the page table.
 */
#ifndef LIB_SOURCE_DROPS_HUGETLB_H
#define LIB_SOURCE_DROPS_HUGETLB_H

#include "source/drops_chunk.h"

/* Report them. Return: 0 or -errno. */
int smi_drops_check_hugetlb(const struct smi_drops_chunk *chunk);

#endif
