/* SPDX-License-Identifier: MIT */
/*
 * What the reading calls say of a layer, against the memory of its moment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/layers.h>

#include "moments.h"

#define PAGE 4096

struct smudge_chain *moments_chain(const char *folder, uint64_t number)
{
	const struct smudge_chain_options options = {
		.size = sizeof(options), .folder = folder, .number = number};
	struct smudge_error err;
	struct smudge_chain *chain;

	if (smudge_chain_open(&options, &chain, &err) < 0)
		fail_msg("layer %ju: %s", (uintmax_t)number, err.message);
	return chain;
}

static bool is_data(const uint8_t *page, size_t bytes)
{
	return page[0] || memcmp(page, page + 1, bytes - 1);
}

static uint64_t naive_count(const uint8_t *bytes, uint64_t page, uint64_t end,
			    size_t page_bytes, bool kind)
{
	uint64_t n = 0;

	while (page + n < end &&
	       is_data(bytes + (page + n) * page_bytes, page_bytes) == kind)
		n++;
	return n;
}

static void check_runs(const struct moment_region *region,
		       struct smudge_chain *chain, size_t index)
{
	size_t page_bytes = (size_t)1 << region->page_shift;
	uint64_t end = region->npages * PAGE / page_bytes, page = 0;
	struct smudge_run run = {0, 0};
	struct smudge_error err;
	int ret = 1;

	while (ret == 1) {
		uint64_t first = page + naive_count(region->bytes, page, end,
						    page_bytes, false);

		ret = smudge_chain_next_data(chain, index, page, end, &run,
					     &err);
		assert_int_equal(ret, first < end);
		if (ret == 0)
			break;
		assert_int_equal(run.first_page, first);
		assert_int_equal(run.npages,
				 naive_count(region->bytes, first, end,
					     page_bytes, true));
		page = run.first_page + run.npages;
	}
}

static void check_region(const struct moment_region *region,
			 struct smudge_chain *chain, size_t index)
{
	struct smudge_layer_region info = {.size = sizeof(info)};
	uint8_t *bytes = malloc(region->npages * PAGE);
	struct smudge_error err;

	assert_non_null(bytes);
	assert_int_equal(smudge_chain_region(chain, index, &info), 0);
	assert_int_equal(info.id, region->id);
	assert_int_equal(info.page_shift, region->page_shift);
	assert_int_equal(info.size_bytes, region->npages * PAGE);
	if (smudge_chain_read(chain, index, 0,
			      info.size_bytes >> info.page_shift, bytes, &err))
		fail_msg("%s", err.message);
	assert_memory_equal(bytes, region->bytes, region->npages * PAGE);
	check_runs(region, chain, index);
	free(bytes);
}

void moment_check(const struct moment *moment, struct smudge_chain *chain)
{
	struct smudge_error err;
	size_t n = 0;

	for (size_t i = 0; i < MOMENTS_REGIONS; i++)
		if (moment->regions[i].npages)
			check_region(&moment->regions[i], chain, n++);
	assert_int_equal(smudge_chain_nregions(chain), n);
	if (smudge_chain_verify(chain, NULL, NULL, &err) < 0)
		fail_msg("%s", err.message);
}
