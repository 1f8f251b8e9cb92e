/* SPDX-License-Identifier: MIT */
/*
 * The byte-per-page truth. memchr and memset are the only cleverness allowed
 * here: maps of a quarter million pages are compared after every step.
 */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

struct oracle oracle_create(uint64_t npages)
{
	struct oracle oracle = {npages, calloc(npages, 1)};

	if (!oracle.dirty)
		abort();
	return oracle;
}

void oracle_destroy(struct oracle *oracle)
{
	free(oracle->dirty);
	oracle->dirty = NULL;
}

uint64_t oracle_clip(const struct oracle *oracle, uint64_t first_page,
		     uint64_t npages)
{
	if (first_page >= oracle->npages)
		return 0;
	if (npages > oracle->npages - first_page)
		return oracle->npages - first_page;
	return npages;
}

void oracle_assign(struct oracle *oracle, uint64_t first_page, uint64_t npages,
		   bool dirty)
{
	uint64_t inside = oracle_clip(oracle, first_page, npages);

	if (inside)
		memset(oracle->dirty + first_page, dirty, inside);
}

void oracle_merge(struct oracle *oracle, uint64_t first_page,
		  const uint8_t *bits, uint64_t first_bit, uint64_t npages)
{
	for (uint64_t i = 0; i < npages; i++) {
		uint64_t bit = first_bit + i;

		oracle->dirty[first_page + i] |= bits[bit / 8] >> bit % 8 & 1;
	}
}

void oracle_add_batch(struct oracle *oracle, const struct smudge_batch *batch)
{
	for (size_t i = 0; i < smudge_batch_nruns(batch); i++) {
		struct smudge_run run = smudge_batch_run(batch, i);

		oracle_assign(oracle, run.first_page, run.npages, true);
	}
}

bool oracle_test(const struct oracle *oracle, uint64_t page)
{
	return page < oracle->npages && oracle->dirty[page];
}

uint64_t oracle_count(const struct oracle *oracle, uint64_t first_page,
		      uint64_t npages)
{
	uint64_t inside = oracle_clip(oracle, first_page, npages);
	uint64_t count = 0;

	for (uint64_t i = 0; i < inside; i++)
		count += oracle->dirty[first_page + i];
	return count;
}

bool oracle_next_run(const struct oracle *oracle, bool dirty,
		     uint64_t first_page, uint64_t end_page,
		     struct smudge_run *ret)
{
	const uint8_t *begin, *end, *stop;

	if (end_page > oracle->npages)
		end_page = oracle->npages;
	if (first_page >= end_page)
		return false;
	stop = oracle->dirty + end_page;
	begin = oracle->dirty + first_page;
	begin = memchr(begin, dirty, (size_t)(stop - begin));
	if (!begin)
		return false;
	end = memchr(begin, !dirty, (size_t)(stop - begin));
	ret->first_page = (uint64_t)(begin - oracle->dirty);
	ret->npages = (uint64_t)((end ? end : stop) - begin);
	return true;
}

bool oracle_next_block(const struct oracle *oracle, unsigned int block_shift,
		       uint64_t first_block, uint64_t *ret_block)
{
	struct smudge_run run;

	if (first_block >= (oracle->npages >> block_shift) + 1)
		return false;
	if (!oracle_next_run(oracle, true, first_block << block_shift,
			     oracle->npages, &run))
		return false;
	*ret_block = run.first_page >> block_shift;
	return true;
}

/* Are the batch's runs the same, read one by one and several at once? */
static const char *match_bulk(const struct smudge_batch *batch)
{
	size_t nruns = smudge_batch_nruns(batch), at = 0, n;
	struct smudge_run some[7], one;

	while ((n = smudge_batch_runs(batch, at, some, 7))) {
		for (size_t i = 0; i < n; i++) {
			one = smudge_batch_run(batch, at + i);
			if (memcmp(&one, &some[i], sizeof(one)))
				return "take: batch_runs and batch_run differ";
		}
		at += n;
	}
	return at == nruns ? NULL : "take: batch_runs ends elsewhere";
}

/* Every run the oracle has in [first_page, end_page), in order, once? */
static const char *match_runs(const struct oracle *oracle, uint64_t first_page,
			      uint64_t end_page,
			      const struct smudge_batch *batch)
{
	size_t nruns = smudge_batch_nruns(batch);
	uint64_t at = first_page, npages = 0;
	struct smudge_run want, got;

	for (size_t i = 0; i < nruns; i++) {
		got = smudge_batch_run(batch, i);
		if (!oracle_next_run(oracle, true, at, end_page, &want))
			return "take: more runs than there are";
		if (got.first_page != want.first_page)
			return "take: a run begins elsewhere";
		if (got.npages != want.npages)
			return "take: a run has another length";
		at = want.first_page + want.npages;
		npages += want.npages;
	}
	if (oracle_next_run(oracle, true, at, end_page, &want))
		return "take: a run before end_page was left out";
	if (smudge_batch_npages(batch) != npages)
		return "take: batch_npages is not the sum of the runs";
	if (smudge_batch_run(batch, nruns).npages)
		return "take: a run beyond the last is not empty";
	return match_bulk(batch);
}

const char *oracle_take(struct oracle *oracle, uint64_t first_page,
			uint64_t npages, size_t max_runs,
			const struct smudge_batch *batch)
{
	uint64_t inside = oracle_clip(oracle, first_page, npages);
	uint64_t end_page = smudge_batch_end_page(batch);
	const char *what;

	if (smudge_batch_nruns(batch) > (max_runs < 4096 ? 4096 : max_runs))
		return "take: more runs than the batch has room for";
	if (!inside)
		return smudge_batch_nruns(batch) ? "take: runs from nowhere"
						 : NULL;
	if (end_page > first_page + inside)
		return "take: end_page beyond the range";
	if (end_page <= first_page)
		return "take: no progress";
	if (end_page < first_page + inside && !smudge_batch_nruns(batch))
		return "take: stopped early with an empty batch";
	what = match_runs(oracle, first_page, end_page, batch);
	if (!what)
		oracle_assign(oracle, first_page, end_page - first_page, false);
	return what;
}

static const char *compare_runs(const struct oracle *oracle,
				struct smudge_bitmap *bitmap, bool dirty)
{
	bool (*next)(struct smudge_bitmap *, uint64_t, uint64_t,
		     struct smudge_run *) =
		dirty ? smudge_bitmap_next_dirty : smudge_bitmap_next_clean;
	uint64_t at = 0, end = oracle->npages;
	struct smudge_run want, got;

	for (;;) {
		bool is_there = oracle_next_run(oracle, dirty, at, end, &want);

		if (next(bitmap, at, end, &got) != is_there)
			return dirty ? "compare: a dirty run too many or few"
				     : "compare: a clean run too many or few";
		if (!is_there)
			return NULL;
		if (got.first_page != want.first_page ||
		    got.npages != want.npages)
			return dirty ? "compare: a dirty run differs"
				     : "compare: a clean run differs";
		at = want.first_page + want.npages;
	}
}

const char *oracle_compare(const struct oracle *oracle,
			   struct smudge_bitmap *bitmap)
{
	const char *what;
	uint64_t step;

	if (smudge_bitmap_npages(bitmap) != oracle->npages)
		return "compare: the size differs";
	if (smudge_bitmap_count(bitmap, 0, oracle->npages) !=
	    oracle_count(oracle, 0, oracle->npages))
		return "compare: the count differs";
	what = compare_runs(oracle, bitmap, true);
	if (what)
		return what;
	what = compare_runs(oracle, bitmap, false);
	if (what)
		return what;
	/* page by page where that is cheap; runs and count say the rest */
	step = oracle->npages / 500 + 1;
	for (uint64_t i = 0; i <= oracle->npages; i += step)
		if (smudge_bitmap_test(bitmap, i) != oracle_test(oracle, i))
			return "compare: a page differs";
	return NULL;
}
