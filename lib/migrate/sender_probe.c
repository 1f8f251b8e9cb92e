/* SPDX-License-Identifier: MIT */
/*
 * Measuring the bandwidth of the line while a limit holds.
 *
 * The limit paces the rounds but not the final one, so their bandwidth does not
 * show how long the final round will take. Nor does the socket, which accepts
 * bytes faster than the line carries them. So some pages are kept for the end
 * of each round under a limit. They are sent in one burst, which is timed until
 * the receiver's answer: that is all that a page costs in the final round. The
 * limit holds nevertheless: the sender rests before the burst.
 *
 * Round 1 has no burst. Its zero pages are sent fast but keep the receiver busy
 * for long, so the answer would not measure the line. A short round, only a
 * burst, follows it instead.
 *
 * Pages without content cost nothing to send. So pages with content are kept,
 * as far as samples of some words of some pages show.
 */
#include "migrate/sender_probe.h"

#include "common/range.h"
#include "migrate/handle.h"
#include "migrate/sender_rounds.h"
#include "sys/clock.h"

/* One of so many pages is sampled, and so many of its words. */
#define SAMPLE_PAGES 64
#define SAMPLE_WORDS 8
#define PAGE_WORDS   (SMI_WIRE_PAGE_BYTES / sizeof(uint64_t))

/* Pages of one region that may be kept for the burst. */
struct block {
	struct smi_probe range;
	uint64_t npages;   /* dirty ones in the range */
	uint64_t nsamples; /* of them sampled */
	uint64_t ncontent; /* of the samples, with content */
};

/* The machine may be writing: it is a guess, and a wrong one does no harm. */
static bool has_content(const struct smudge_region *region, uint64_t page)
{
	unsigned int shift = smi_region_wire_shift(region);
	uint64_t words[PAGE_WORDS];

	if (smudge_region_read_bytes(region,
				     page << (shift + SMI_WIRE_PAGE_SHIFT),
				     sizeof(words), words, NULL) < 0)
		return false;
	for (size_t i = 0; i < SAMPLE_WORDS; i++) {
		if (words[i * PAGE_WORDS / SAMPLE_WORDS])
			return true;
	}
	return false;
}

static void add_run(struct block *block, const struct smudge_region *region,
		    const struct smudge_run *run)
{
	if (!block->npages)
		block->range.first_page = run->first_page;
	block->range.end_page = run->first_page + run->npages;
	block->npages += run->npages;
	for (uint64_t i = 0; i < run->npages; i += SAMPLE_PAGES) {
		block->nsamples++;
		block->ncontent += has_content(region, run->first_page + i);
	}
}

static uint64_t content_pages(const struct block *block)
{
	return block->nsamples
		       ? block->npages * block->ncontent / block->nsamples
		       : 0;
}

/* Keep the block with more content in @best. Return: is it good enough? */
static bool keep_better(struct block *best, const struct block *block,
			uint64_t wanted_pages)
{
	if (content_pages(block) > content_pages(best)) {
		*best = *block;
		best->range.is_chosen = true;
	}
	return content_pages(best) >= wanted_pages - wanted_pages / 4;
}

/* Search one region. Return: is @best good enough? */
static bool search_region(struct smi_sender *sender, uint32_t index,
			  uint64_t wanted_pages, struct block *best)
{
	struct smudge_region *region = sender->regions.regions[index];
	uint64_t npages = smudge_region_npages(region);
	struct block empty = {.range.region = index};
	struct block block = empty;
	struct smudge_run run;
	uint64_t page = 0;

	while (page < npages && smudge_client_next_dirty(sender->client, region,
							 page, npages, &run)) {
		run.npages = min_u64(run.npages, wanted_pages - block.npages);
		add_run(&block, region, &run);
		page = block.range.end_page;
		if (block.npages < wanted_pages)
			continue;
		if (keep_better(best, &block, wanted_pages))
			return true;
		block = empty;
	}
	return keep_better(best, &block, wanted_pages);
}

void smi_probe_choose(struct smi_sender *sender)
{
	uint64_t bytes =
		min_u64(smi_channel_burst_bytes(smi_sender_channel(sender)),
			SMI_PROBE_MAX_BYTES);
	struct block best = {0};

	for (uint32_t i = 0; i < sender->regions.nregions; i++) {
		struct smudge_region *region = sender->regions.regions[i];
		uint64_t wanted = bytes >> smudge_region_page_shift(region);

		if (wanted && search_region(sender, i, wanted, &best))
			break;
	}
	sender->probe = best.range;
}

/* Size of the burst in wire pages; 0: none was chosen. */
static uint64_t probe_pages(struct smi_sender *sender)
{
	const struct smi_probe *probe = &sender->probe;
	struct smudge_region *region = sender->regions.regions[probe->region];
	uint64_t npages = 0;

	if (probe->is_chosen)
		npages = smudge_client_count(
			sender->client, region, probe->first_page,
			probe->end_page - probe->first_page);
	return npages << smi_region_wire_shift(region);
}

int smi_probe_send(struct smi_sender *sender, struct smi_round *round)
{
	struct smi_probe probe = sender->probe;
	struct smi_channel *channel = smi_sender_channel(sender);
	uint64_t bytes = probe_pages(sender) << SMI_WIRE_PAGE_SHIFT;
	uint64_t start_ns = smi_sys_now_ns();
	int ret;

	sender->probe.is_chosen = false;
	if (!probe.is_chosen)
		return 0;
	ret = smi_channel_rest(channel, bytes, &sender->err);
	if (ret < 0)
		return ret;
	round->probe_start_ns = smi_sys_now_ns();
	round->probe_start_bytes = smi_channel_sent_bytes(channel);
	sender->meter.send_ns += round->probe_start_ns - start_ns;
	return smi_sender_send_range(sender, probe.region, probe.first_page,
				     probe.end_page);
}

int smi_probe_round(struct smi_sender *sender, bool *ret_was_made)
{
	struct smi_round round = {0};
	uint64_t npages;
	int ret;

	smi_probe_choose(sender);
	npages = probe_pages(sender);
	/* So few measure nothing, and sending them takes no time. */
	if (npages < SMI_PROBE_MIN_PAGES) {
		sender->probe.is_chosen = false;
		return 0;
	}
	ret = smi_sender_round_begin(sender, false, npages);
	if (!ret)
		ret = smi_probe_send(sender, &round);
	if (!ret)
		ret = smi_sender_round_finish(sender, &round);
	if (ret < 0)
		return ret;
	smi_meter_probe_end(&sender->meter, &round);
	*ret_was_made = true;
	return 0;
}
