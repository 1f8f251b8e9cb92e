/* SPDX-License-Identifier: MIT */
/*
 * What smudge_client_take_next must take, page by page.
 */
#include "take_next_rig.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SPAN_BYTES (UINT64_C(1) << 34)
/* The smallest batch, and the runs that one group of 4096 pages may need. */
#define BATCH_RUNS UINT64_C(4096)
#define GROUP_RUNS UINT64_C(2049)

void take_rig_start(struct take_rig *rig, uint64_t npages,
		    unsigned int page_shift)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.hva = (void *)(uintptr_t)(UINT64_C(1) << 32),
		.size_bytes = npages << page_shift,
		.page_shift = page_shift,
	};

	memset(rig, 0, sizeof(*rig));
	rig->npages = npages;
	rig->page_shift = page_shift;
	rig->is_dirty = calloc(npages, 1);
	assert_non_null(rig->is_dirty);
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	assert_int_equal(
		smudge_region_add(rig->memory, &options, &rig->region, NULL),
		0);
	fake_create(&rig->fake, true);
	rig->fake.page_shift = page_shift;
	rig->fake.npages = 64; /* it never reports more */
	assert_int_equal(
		smudge_region_attach(rig->region, rig->fake.source, 0, 0, NULL),
		0);
	rig->client = fake_client(rig->memory, "c", true);
	assert_int_equal(smudge_batch_create(1, &rig->batch, NULL), 0);
	/* from here on takes re-arm */
	assert_int_equal(smudge_memory_harvest(rig->memory, NULL), 0);
	rig->fake.rearmed_pages = 0;
}

void take_rig_end(struct take_rig *rig)
{
	assert_int_equal(smudge_batch_destroy(rig->batch), 0);
	assert_int_equal(smudge_client_close(rig->client), 0);
	fake_destroy(&rig->fake);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
	free(rig->is_dirty);
}

void take_rig_mark(struct take_rig *rig, uint64_t first_page, uint64_t npages)
{
	smudge_region_mark(rig->region, first_page, npages);
	memset(rig->is_dirty + first_page, 1, npages);
}

/* Clear the run in the bytes, where all of it must be dirty. */
static void expect_run(struct take_rig *rig, struct smudge_run run)
{
	assert_true(run.npages > 0);
	for (uint64_t i = 0; i < run.npages; i++)
		assert_true(rig->is_dirty[run.first_page + i]);
	memset(rig->is_dirty + run.first_page, 0, run.npages);
}

/* Pages [first, end) have none dirty. */
static void expect_clean(const struct take_rig *rig, uint64_t first,
			 uint64_t end)
{
	for (uint64_t page = first; page < end; page++)
		assert_false(rig->is_dirty[page]);
}

/* Why did it stop at @end with @npages taken? There must be a reason. */
static void expect_reason(const struct take_rig *rig, uint64_t first,
			  uint64_t npages, uint64_t end, uint64_t rest_end,
			  uint64_t max_pages)
{
	uint64_t span = MAX_SPAN_BYTES >> rig->page_shift;
	struct smudge_run last = smudge_batch_run(
		rig->batch, smudge_batch_nruns(rig->batch) - 1);

	assert_true(npages <= max_pages);
	assert_true(end - first <= span && end <= rest_end);
	if (end == rest_end || end - first == span)
		return;
	if (npages == max_pages)
		assert_int_equal(end, last.first_page + last.npages);
	else
		assert_true(smudge_batch_nruns(rig->batch) + GROUP_RUNS >
			    BATCH_RUNS);
}

int take_rig_next(struct take_rig *rig, struct smudge_run *rest,
		  uint64_t max_pages)
{
	struct smudge_run before = *rest;
	uint64_t end = before.first_page + before.npages, npages = 0;
	uint64_t rearmed = rig->fake.rearmed_pages;
	struct smudge_error err = {.code = -1};
	int ret = smudge_client_take_next(rig->client, rig->region, rest,
					  max_pages, rig->batch, &err);
	size_t nruns = smudge_batch_nruns(rig->batch);

	assert_true(ret == 0 || ret == 1);
	assert_int_equal(err.code, 0);
	assert_int_equal(rest->first_page + rest->npages, end);
	assert_true(rest->first_page >= before.first_page);
	assert_int_equal(smudge_batch_is_empty(rig->batch), !ret);
	for (size_t i = 0; i < nruns; i++) {
		expect_run(rig, smudge_batch_run(rig->batch, i));
		npages += smudge_batch_run(rig->batch, i).npages;
	}
	expect_clean(rig, before.first_page, rest->first_page);
	assert_int_equal(rig->fake.rearmed_pages - rearmed, npages);
	if (ret) {
		assert_true(npages > 0);
		expect_reason(rig, smudge_batch_run(rig->batch, 0).first_page,
			      npages, rest->first_page, end, max_pages);
	} else {
		assert_int_equal(rest->npages, 0);
		assert_int_equal(nruns, 0);
	}
	return ret;
}

void take_rig_return(struct take_rig *rig)
{
	size_t nruns = smudge_batch_nruns(rig->batch);

	for (size_t i = 0; i < nruns; i++) {
		struct smudge_run run = smudge_batch_run(rig->batch, i);

		memset(rig->is_dirty + run.first_page, 1, run.npages);
	}
	assert_int_equal(smudge_client_return(rig->client, rig->batch), 0);
}

void take_rig_compare(struct take_rig *rig)
{
	for (uint64_t page = 0; page < rig->npages; page++)
		assert_int_equal(
			smudge_client_test(rig->client, rig->region, page),
			rig->is_dirty[page]);
}
