/* SPDX-License-Identifier: MIT */
/*
 * Stale and forgotten blocks, and the statistics of both.
 */
#include "code/code.h"

#include <errno.h>
#include <string.h>

#include "common/range.h"
#include "sys/log.h"
#include "sys/options.h"

static size_t stale_in(struct smudge_code *code, struct smi_code_region *r,
		       struct smudge_code_range *ranges, size_t max)
{
	struct smudge_run run = {0, 0};
	size_t n = 0;

	while (n < max &&
	       smudge_client_next_both(r->client, r->region, r->watched,
				       run.first_page + run.npages, r->npages,
				       &run)) {
		ranges[n++] = (struct smudge_code_range){
			.gpa = r->gpa + (run.first_page << r->page_shift),
			.length_bytes = run.npages << r->page_shift,
			.nblocks = smi_code_invalidate(code, r, run),
		};
		code->stats.stale_pages += run.npages;
		code->stats.stale_blocks += ranges[n - 1].nblocks;
	}
	return n;
}

size_t smudge_code_stale(struct smudge_code *code,
			 struct smudge_code_range *ranges, size_t max)
{
	size_t n = 0;

	SMI_SYS_LOG_SCOPE();
	pthread_mutex_lock(&code->lock);
	for (size_t i = 0; i < code->nregions; i++) {
		if (code->regions[i].client)
			n += stale_in(code, &code->regions[i], ranges + n,
				      max - n);
	}
	code->stats.stale_calls++;
	pthread_mutex_unlock(&code->lock);
	return n;
}

static void forget_in(struct smudge_code *code, struct smi_code_region *r,
		      uint64_t first_page, uint64_t end_page)
{
	struct smudge_run run = {first_page, 0};

	while (smudge_bitmap_next_dirty(r->watched, run.first_page + run.npages,
					end_page, &run))
		code->stats.forgotten_blocks +=
			smi_code_invalidate(code, r, run);
}

void smudge_code_forget(struct smudge_code *code, uint64_t gpa,
			uint64_t length_bytes)
{
	uint64_t last;

	if (!length_bytes)
		return;
	last = range_last(gpa, length_bytes);
	pthread_mutex_lock(&code->lock);
	for (size_t i = 0; i < code->nregions; i++) {
		struct smi_code_region *r = &code->regions[i];
		uint64_t end = r->gpa + (r->npages << r->page_shift) - 1;
		uint64_t first = max_u64(gpa, r->gpa);

		end = min_u64(end, last);
		if (r->client && first <= end)
			forget_in(code, r, (first - r->gpa) >> r->page_shift,
				  ((end - r->gpa) >> r->page_shift) + 1);
	}
	pthread_mutex_unlock(&code->lock);
}

bool smudge_code_watches(struct smudge_code *code, uint64_t gpa)
{
	struct smi_code_region *r;
	bool is_watched = false;

	pthread_mutex_lock(&code->lock);
	r = smi_code_find(code, gpa, 1);
	if (r && r->client)
		is_watched = smudge_bitmap_test(
			r->watched, (gpa - r->gpa) >> r->page_shift);
	pthread_mutex_unlock(&code->lock);
	return is_watched;
}

int smudge_code_stats(struct smudge_code *code, struct smudge_code_stats *stats)
{
	struct smudge_code_stats now;

	pthread_mutex_lock(&code->lock);
	now = code->stats;
	for (size_t i = 0; i < code->nregions; i++) {
		if (!code->regions[i].client)
			continue;
		now.nclients++;
		now.bitmap_bytes +=
			smudge_client_bitmap_bytes(code->regions[i].client);
	}
	pthread_mutex_unlock(&code->lock);
	return smi_sys_stats_copy(
		stats, &now,
		SMI_SYS_SHAPE(smudge_code_stats, forgotten_blocks));
}
