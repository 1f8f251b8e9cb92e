/* SPDX-License-Identifier: MIT */
/*
 * A marker: the entry of a page table that keeps a page's write-protection
 * while no page is there. pagemap shows it almost as a page in swap.
 */
#ifndef LIB_SYS_MARKER_H
#define LIB_SYS_MARKER_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/pagemap.h"

struct smi_sys_marker {
	bool is_seen;  /* else a marker looks like a page in swap */
	uint64_t word; /* where its word says that the page is */
};

/*
 * smi_sys_marker_learn - find out how markers show
 * @pagemap: this process's own, of smi_sys_pagemap_open: a page of this process
 *      is tried, also when another process's pages are asked about later
 *
 * Blocks: on the lock of the shared userfaultfd.
 */
struct smi_sys_marker smi_sys_marker_learn(int pagemap);

/* Is it the word of a marker? False if markers are not seen. */
static inline bool smi_sys_marker_is(const struct smi_sys_marker *marker,
				     uint64_t word)
{
	return marker->is_seen &&
	       (word & SMI_SYS_PAGEMAP_WHERE) == marker->word;
}

#endif
