/* SPDX-License-Identifier: MIT */
/*
 * A take moves the dirty bits of a range to a batch, as the edges of runs.
 *
 * Marks are drained first, so only the owner's plane is walked. Clean groups
 * are skipped by level2 and the full bits, and a full group costs one bit. The
 * edge kernel handles every other group, as a whole or, at the ends of the
 * range, as a masked copy. A run stays open from group to group.
 *
 * Cost: level 2 and the full bits of the range, 16 bytes a dirty group, and the
 * mixed words.
 */
#include "bitmap/take.h"

#include <errno.h>

#include "bitmap/batch.h"
#include "bitmap/group.h"
#include "bitmap/mark.h"
#include "bitmap/query.h"
#include "bitmap/select.h"
#include "common/range.h"

/*
 * Take pages [first, end), which are a part of a group whose first page counts
 * as @base. Not inlined: its arrays would need stack in the common paths, which
 * do not use them.
 */
static __attribute__((noinline)) void take_part(struct smudge_bitmap *b,
						uint64_t group, uint64_t first,
						uint64_t end, uint32_t base,
						struct smi_edges *edges)
{
	uint64_t spread[SMI_GROUP_WORDS] = {0}, packed[SMI_PACKED_WORDS];
	struct smi_store taken = {spread, packed};
	struct smi_group g;

	smi_group_extract(b, group, (unsigned int)first, (unsigned int)end,
			  spread);
	g = b->kernels->classify(spread, SMI_GROUP_WORDS);
	smi_pack(taken, g.mixed);
	b->kernels->take_edges(taken, g, base, edges);
}

static void take_full(struct smudge_bitmap *b, uint64_t group, uint32_t base,
		      struct smi_edges *edges)
{
	if (!edges->open)
		*edges->next++ = base;
	edges->open = true;
	smi_set_bit(b->full, group, false);
}

/* Take all of a group that has dirty pages. */
static inline void take_group(struct smudge_bitmap *b, uint64_t group,
			      uint32_t base, struct smi_edges *edges)
{
	struct smi_group g = b->groups[group];

	if (smi_group_is_full(b, group)) {
		take_full(b, group, base, edges);
		return;
	}
	b->groups[group] = (struct smi_group){0, 0};
	smi_set_bit(b->level2, group, false);
	b->kernels->take_edges(smi_group_store(b, group), g, base, edges);
}

/* Prefetch the packed words of the groups in the level2 word of @group. */
static void prefetch_groups(const struct smudge_bitmap *b, uint64_t group)
{
	uint64_t some = b->level2[smi_level2_word(group)];

	if (!(some & (some - 1)))
		return; /* a single group is read at once */
	for (; some; some &= some - 1) {
		uint64_t g = (group & ~UINT64_C(63)) +
			     (uint64_t)__builtin_ctzll(some);

		__builtin_prefetch(smi_group_store(b, g).packed);
	}
}

static void close_run(struct smi_edges *edges, uint32_t at)
{
	if (edges->open)
		*edges->next++ = at;
	edges->open = false;
}

/* Take [first, end); returns the page after the last one looked at. */
static uint64_t take_range(struct smudge_bitmap *b, uint64_t first,
			   uint64_t end, struct smudge_batch *batch)
{
	struct smi_edges edges = {batch->edges, false};
	const uint32_t *limit =
		batch->edges + batch->max_edges - (SMI_GROUP_MAX_EDGES + 1);
	uint64_t ngroups = smi_count_groups(end);
	uint64_t group = smi_page_group(first);
	uint64_t base = smi_group_page(group);
	uint64_t prefetched = UINT64_MAX; /* word of level 2 */

	while (group < ngroups && edges.next <= limit) {
		uint64_t next = smi_group_next(b, group, ngroups);
		uint64_t at = smi_group_page(next);
		uint64_t size;

		if (next != group)
			close_run(&edges,
				  (uint32_t)(smi_group_page(group) - base));
		group = next;
		if (group == ngroups)
			break;
		if (smi_level2_word(group) != prefetched)
			prefetch_groups(b, group);
		prefetched = smi_level2_word(group);
		size = smi_group_npages(b, group);
		if (first <= at && end - at >= size)
			take_group(b, group, (uint32_t)(at - base), &edges);
		else
			take_part(b, group, first > at ? first - at : 0,
				  end - at < size ? end - at : size,
				  (uint32_t)(at - base), &edges);
		group++;
	}
	if (smi_group_page(group) < end)
		end = smi_group_page(group);
	close_run(&edges, (uint32_t)(end - base));
	batch->nedges = (size_t)(edges.next - batch->edges);
	batch->base_page = base;
	return end;
}

/* Make the batch's pages dirty. */
static void set_taken(struct smudge_bitmap *b, const struct smudge_batch *batch)
{
	size_t nruns = smudge_batch_nruns(batch);

	for (size_t i = 0; i < nruns; i++) {
		struct smudge_run run = smudge_batch_run(batch, i);

		smudge_bitmap_set_range(b, run.first_page, run.npages);
	}
}

/* Take [first, end), which is inside the bitmap, after a drain. */
static void take_drained(struct smudge_bitmap *b, uint64_t first, uint64_t end,
			 struct smudge_batch *batch)
{
	if (end - first > SMI_BATCH_MAX_PAGES)
		end = first + SMI_BATCH_MAX_PAGES;
	batch->is_taken = true;
	batch->end_page = take_range(b, first, end, batch);
	if (b->owes_barrier) {
		set_taken(b, batch);
		b->kept_pages += smudge_batch_npages(batch);
	}
}

int smudge_bitmap_take(struct smudge_bitmap *b, uint64_t first_page,
		       uint64_t npages, struct smudge_batch *batch)
{
	if (batch->is_taken)
		return -EBUSY;
	smi_batch_reset(batch);
	smi_bitmap_drain(b);
	batch->is_taken = true;
	batch->end_page = range_end(first_page, npages);
	if (smi_bitmap_clamp(b, first_page, &npages))
		take_drained(b, first_page, first_page + npages, batch);
	return 0;
}

bool smi_bitmap_take_next(struct smudge_bitmap *b, uint64_t first_page,
			  uint64_t end_page, uint64_t max_pages,
			  uint64_t max_span, struct smudge_batch *batch)
{
	uint64_t dirty_page, group_page;

	smi_bitmap_drain(b);
	if (end_page > b->npages)
		end_page = b->npages;
	if (first_page >= end_page)
		return false;
	dirty_page = smi_bitmap_find_dirty(b, first_page, end_page);
	if (dirty_page == end_page)
		return false;
	if (end_page - dirty_page > max_span)
		end_page = dirty_page + max_span;
	if (end_page - dirty_page > max_pages)
		end_page = smi_bitmap_select_end(b, dirty_page, end_page,
						 max_pages);
	/* A whole group costs less than a part of it. */
	group_page = smi_group_page(smi_page_group(dirty_page));
	if (first_page < group_page)
		first_page = group_page;
	smi_batch_reset(batch);
	take_drained(b, first_page, end_page, batch);
	return true;
}

void smi_bitmap_put_back(struct smudge_bitmap *b, struct smudge_batch *batch)
{
	set_taken(b, batch);
	smi_batch_reset(batch);
}

void smudge_bitmap_return(struct smudge_bitmap *b, struct smudge_batch *batch)
{
	if (!batch->owner)
		smi_bitmap_put_back(b, batch);
}
