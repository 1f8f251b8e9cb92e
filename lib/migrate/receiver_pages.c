/* SPDX-License-Identifier: MIT */
/*
 * Writing received pages into the regions.
 *
 * Before the first byte is written, the record was verified and all its runs
 * were checked against their region. Pages are marked after they were written,
 * for clients that are open at the receiver.
 */
#include "migrate/receiver_pages.h"

#include <string.h>

#include <smudge/populated.h>

#include "common/range.h"
#include "migrate/receiver_round1.h"
#include "sys/page.h"

/* Runs of fewer wire pages are read rather than asked for. */
#define ASKED_PAGES 64

/* Zeros are written only over other content. */
static void clear_pages(struct smudge_region *region, struct smudge_run run)
{
	for (uint64_t i = 0; i < run.npages; i++) {
		uint8_t *page = smi_region_at(region, run.first_page + i);

		if (!smi_sys_page_is_zero(page, SMI_WIRE_PAGE_BYTES))
			memset(page, 0, SMI_WIRE_PAGE_BYTES);
	}
}

/*
 * A page that was never touched is not even read: it stays without memory of
 * its own. Nothing else writes the memory meanwhile.
 */
static void write_zeros(struct smudge_region *region, struct smudge_run run)
{
	unsigned int shift = smi_region_wire_shift(region);
	uint64_t end = run.first_page + run.npages;
	struct smudge_run found;

	while (run.npages >= ASKED_PAGES) {
		uint64_t first, last;
		int ret = smudge_region_next_populated(
			region, run.first_page >> shift,
			((end - 1) >> shift) + 1, &found, NULL);

		if (ret == 0)
			return;
		if (ret < 0)
			break;
		first = max_u64(run.first_page, found.first_page << shift);
		last = min_u64(end, (found.first_page + found.npages) << shift);
		clear_pages(region, (struct smudge_run){first, last - first});
		run = (struct smudge_run){last, end - last};
	}
	clear_pages(region, run);
}

static void mark(struct smudge_region *region, struct smudge_run run)
{
	unsigned int shift = smi_region_wire_shift(region);
	uint64_t first = run.first_page >> shift;
	uint64_t last = (run.first_page + run.npages - 1) >> shift;

	smudge_region_mark(region, first, last - first + 1);
}

static void write_pages(struct smudge_region *region,
			const struct smi_wire_pages *pages)
{
	const uint8_t *content = pages->content;

	for (uint32_t i = 0; i < pages->nruns; i++) {
		struct smudge_run run = smi_wire_run(pages, i);
		size_t bytes = run.npages << SMI_WIRE_PAGE_SHIFT;

		if (content) {
			memcpy(smi_region_at(region, run.first_page), content,
			       bytes);
			content += bytes;
		} else {
			write_zeros(region, run);
		}
		mark(region, run);
	}
}

/* The error has the region's index in the table; make it the memory's id. */
static int malformed(struct smi_receiver *receiver, int error)
{
	int64_t index = receiver->err.region;

	if (index >= 0 && (uint64_t)index < receiver->regions.nregions)
		receiver->err.region =
			smudge_region_id(receiver->regions.regions[index]);
	return error;
}

int smi_receiver_pages(struct smi_receiver *receiver,
		       const struct smi_wire_header *header)
{
	const struct smi_regions *regions = &receiver->regions;
	const uint8_t *payload = smi_link_payload(&receiver->link);
	struct smi_wire_pages pages;
	int ret;

	if (header->type == SMI_WIRE_PAGES)
		ret = smi_wire_pages_decode(regions->table, regions->nregions,
					    payload, header->length, &pages,
					    &receiver->err);
	else
		ret = smi_wire_zero_decode(regions->table, regions->nregions,
					   payload, header->length, &pages,
					   &receiver->err);
	if (ret < 0)
		return malformed(receiver, ret);
	ret = smi_round1_seen_check(receiver, &pages);
	if (ret < 0)
		return ret;
	write_pages(regions->regions[pages.region], &pages);
	if (pages.content)
		smi_wire_sequence_pages(&receiver->sequence, pages.npages);
	else
		smi_wire_sequence_zero(&receiver->sequence, pages.npages);
	return 0;
}
