/* SPDX-License-Identifier: MIT */
/*
 * Round 1 has every page exactly once. ROUND_END checks the number of its
 * pages, which cannot tell a repeated page from a missing one. So during round
 * 1 a bitmap per region records the pages that were received, and a repeated
 * page is refused.
 */
#include "migrate/receiver_round1.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <smudge/bitmap.h>

int smi_round1_seen_begin(struct smi_receiver *receiver)
{
	const struct smi_regions *regions = &receiver->regions;
	int ret = -ENOMEM;

	receiver->round1_seen =
		calloc(regions->nregions, sizeof(*receiver->round1_seen));
	for (size_t i = 0; receiver->round1_seen && i < regions->nregions;
	     i++) {
		ret = smudge_bitmap_create(regions->table[i].size_bytes >>
						   SMI_WIRE_PAGE_SHIFT,
					   &receiver->round1_seen[i], NULL);
		if (ret < 0)
			break;
	}
	if (ret < 0)
		smudge_error_set(&receiver->err, ret, "migrate",
				 "no memory to check round 1");
	return ret;
}

void smi_round1_seen_end(struct smi_receiver *receiver)
{
	for (size_t i = 0;
	     receiver->round1_seen && i < receiver->regions.nregions; i++)
		smudge_bitmap_destroy(receiver->round1_seen[i]);
	free(receiver->round1_seen);
	receiver->round1_seen = NULL;
}

int smi_round1_seen_check(struct smi_receiver *receiver,
			  const struct smi_wire_pages *pages)
{
	struct smudge_bitmap *seen;

	if (!receiver->round1_seen)
		return 0;
	seen = receiver->round1_seen[pages->region];
	for (uint32_t i = 0; i < pages->nruns; i++) {
		struct smudge_run run = smi_wire_run(pages, i);

		if (smudge_bitmap_any(seen, run.first_page, run.npages))
			return smudge_error_set(
				&receiver->err, -EPROTO, "order",
				"round 1 brings pages of region %s twice, of "
				"the %" PRIu64 " from page %" PRIu64 " on",
				smudge_region_name(
					receiver->regions
						.regions[pages->region]),
				run.npages, run.first_page);
		smudge_bitmap_set_range(seen, run.first_page, run.npages);
	}
	return 0;
}
