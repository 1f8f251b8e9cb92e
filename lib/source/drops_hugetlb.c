/* SPDX-License-Identifier: MIT */
/*
 * hugetlbfs: pages that are not mapped and lost their write-protection. They
 * are not protected again here, because a huge page may be larger than a chunk.
 */
#include "source/drops_hugetlb.h"

int smi_drops_check_hugetlb(const struct smi_drops_chunk *chunk)
{
	const struct smi_drops *d = chunk->drops;
	struct smi_sys_page_run *runs = d->scratch->runs;
	long n = smi_sys_pagemap_find_none(
		d->pagemap, smi_drops_address(chunk, 0),
		smi_drops_address(chunk, chunk->npages), runs,
		SMI_DROPS_CHUNK_RUNS);

	for (long i = 0; i < n; i++)
		smudge_sink_dropped(chunk->sink, runs[i].start - d->base,
				    runs[i].end - runs[i].start, false);
	return n < 0 ? (int)n : 0;
}
