/* SPDX-License-Identifier: MIT */
/*
 * What the users do, each step with what it does to the oracles; after it the
 * bits of all of them are compared. What a step takes must be exactly what the
 * user's own oracle has, and no other oracle changes, but by a harvest.
 */
#include "clients_rig.h"

#include <errno.h>
#include <string.h>

static struct smudge_region *region_of(struct clients_rig *rig, uint64_t row)
{
	return rig->region[rig_region_of(row)];
}

/* Rows [*ret_first, end) of one region, now and then all of it. */
static uint64_t some_rows(struct clients_rig *rig, uint64_t *ret_first)
{
	int region = (int)test_rng_below(&rig->rng, RIG_NREGIONS);
	uint64_t npages = rig_npages(region);
	uint64_t page = 0, n = npages;

	if (test_rng_below(&rig->rng, 3)) {
		page = test_rng_below(&rig->rng, npages);
		n = 1 + test_rng_below(&rig->rng, npages - page);
	}
	*ret_first = rig_first_row(region) + page;
	return *ret_first + n;
}

/* A source of the rows that must refuse, or NULL. */
static struct fake_source *refusing(struct clients_rig *rig, int region)
{
	if (region == RIG_DEVICE || rig->uffd[region] ||
	    test_rng_below(&rig->rng, 6))
		return NULL;
	return &rig->fake[region];
}

static bool is_any(const bool *bytes, uint64_t first, uint64_t end)
{
	return memchr(bytes + first, true, end - first) != NULL;
}

static void check_batch(struct clients_rig *rig, struct smudge_batch *batch,
			uint64_t first, uint64_t end)
{
	uint64_t start = rig_first_row(rig_region_of(first));
	static bool taken[RIG_NROWS];

	assert_int_equal(smudge_batch_end_page(batch), end - start);
	memset(taken, false, sizeof(taken));
	for (size_t i = 0; i < smudge_batch_nruns(batch); i++) {
		struct smudge_run run = smudge_batch_run(batch, i);

		memset(taken + start + run.first_page, true, run.npages);
	}
	assert_memory_equal(taken + first, rig->dirty[RIG_MIGRATION] + first,
			    end - first);
	assert_false(is_any(taken, 0, first) || is_any(taken, end, RIG_NROWS));
}

static void take(struct clients_rig *rig, int i)
{
	uint64_t first, end = some_rows(rig, &first);
	int region = rig_region_of(first);
	struct fake_source *source = refusing(rig, region);
	bool *dirty = rig->dirty[RIG_MIGRATION];
	bool fails = source && is_any(dirty, first, end);
	int ret;

	if (source)
		source->rearm_error = -EIO;
	ret = smudge_client_take(rig->migration, rig->region[region],
				 first - rig_first_row(region), end - first,
				 rig->batch[i], NULL);
	if (source)
		source->rearm_error = 0;
	assert_int_equal(ret, fails ? -EIO : 0);
	rig->work.failed += fails;
	if (fails)
		return;
	check_batch(rig, rig->batch[i], first, end);
	rig->work.taken += smudge_batch_npages(rig->batch[i]);
	memcpy(rig->held[i] + first, dirty + first, end - first);
	memset(dirty + first, false, end - first);
}

/* The batch ends, also long after other steps. */
static void give_back(struct clients_rig *rig, int i)
{
	bool returns = test_rng_below(&rig->rng, 2);

	for (uint64_t row = 0; row < RIG_NROWS; row++)
		rig->dirty[RIG_MIGRATION][row] |= returns && rig->held[i][row];
	memset(rig->held[i], false, sizeof(rig->held[i]));
	if (returns)
		rig->work.returned += smudge_batch_npages(rig->batch[i]);
	assert_int_equal(
		(returns ? smudge_client_return
			 : smudge_client_commit)(rig->migration, rig->batch[i]),
		0);
}

static void take_or_give_back(struct clients_rig *rig)
{
	int i = (int)test_rng_below(&rig->rng, RIG_NBATCHES);

	if (smudge_batch_is_empty(rig->batch[i]))
		take(rig, i);
	else
		give_back(rig, i);
}

static void skip_or_mark(struct clients_rig *rig)
{
	uint64_t first, end = some_rows(rig, &first);
	uint64_t page = first - rig_first_row(rig_region_of(first));
	bool marks = test_rng_below(&rig->rng, 2);
	struct smudge_region *region = region_of(rig, first);

	if (marks)
		assert_int_equal(smudge_client_mark(rig->migration, region,
						    page, end - first),
				 0);
	else
		assert_int_equal(smudge_client_skip(rig->migration, region,
						    page, end - first, NULL),
				 0);
	memset(rig->dirty[RIG_MIGRATION] + first, marks, end - first);
}

static void check_frame(struct clients_rig *rig)
{
	const struct smudge_display_mode *m = &rig->mode;
	uint32_t stride = 0;
	const uint32_t *frame = smudge_display_frame(rig->display, &stride);
	const uint8_t *screen =
		rig->bytes + (rig_first_row(RIG_VRAM) << 12) + m->offset_bytes;

	for (uint32_t y = 0; y < m->height; y++)
		assert_memory_equal((const uint8_t *)frame + (size_t)y * stride,
				    screen + (size_t)y * m->stride_bytes,
				    m->width * 4);
}

static uint64_t rows_of_mode(const struct smudge_display_mode *m,
			     uint64_t *ret_first)
{
	uint64_t last = m->offset_bytes +
			(uint64_t)(m->height - 1) * m->stride_bytes +
			m->width * UINT64_C(4) - 1;

	*ret_first = rig_first_row(RIG_VRAM) + (m->offset_bytes >> 12);
	return rig_first_row(RIG_VRAM) + (last >> 12) + 1;
}

static void refresh(struct clients_rig *rig)
{
	uint64_t first, end = rows_of_mode(&rig->mode, &first);
	struct fake_source *source = refusing(rig, RIG_VRAM);
	bool *dirty = rig->dirty[RIG_DISPLAY];
	struct smudge_rect rects[8];
	size_t n;
	bool fails;
	int ret;

	rig_harvested(rig, RIG_VRAM);
	fails = source && is_any(dirty, first, end);
	if (source)
		source->rearm_error = -EIO;
	ret = smudge_display_refresh(rig->display, rects, 8, &n, NULL);
	if (source)
		source->rearm_error = 0;
	assert_int_equal(ret, fails ? -EIO : 0);
	rig->work.failed += fails;
	if (fails)
		return;
	for (uint64_t row = first; row < end; row++)
		rig->work.refreshed += dirty[row];
	memset(dirty + first, false, end - first);
	check_frame(rig);
}

static void set_mode(struct clients_rig *rig)
{
	uint64_t first, end;

	rig->mode = rig_random_mode(rig);
	end = rows_of_mode(&rig->mode, &first);
	assert_int_equal(
		smudge_display_set_mode(rig->display, &rig->mode, NULL), 0);
	memset(rig->dirty[RIG_DISPLAY] + first, true, end - first);
}

static enum rig_user some_code(struct clients_rig *rig)
{
	return test_rng_below(&rig->rng, 2) ? RIG_CODE : RIG_MARKS;
}

/* A block inside one page; code/oracle.c has those across two. */
static void add_block(struct clients_rig *rig, enum rig_user user, uint64_t row)
{
	struct smudge_code *code = rig->code[user - RIG_CODE];
	uint64_t *nblocks = &rig->nblocks[user - RIG_CODE][row];
	int region = rig_region_of(row);
	int ret = smudge_code_add(code, rig_gpa(row) + row % 4000, 64,
				  smudge_code_now(code), NULL);

	assert_int_equal(ret, *nblocks ? 0 : -EAGAIN);
	if (!rig->watches[user][region])
		rig_now_watches(rig, user, region);
	if (ret == -EAGAIN) {
		rig->dirty[user][row] = false;
		assert_int_equal(smudge_code_add(code, rig_gpa(row), 64,
						 smudge_code_now(code), NULL),
				 0);
	}
	++*nblocks;
}

static void add_blocks(struct clients_rig *rig)
{
	enum rig_user user = some_code(rig);
	uint64_t n = 1 + test_rng_below(&rig->rng, 10);
	uint64_t first, end = some_rows(rig, &first);

	for (uint64_t row = first; row < end && row < first + n; row++)
		add_block(rig, user, row);
}

static bool is_stale(const struct clients_rig *rig, enum rig_user user,
		     uint64_t row)
{
	return rig->nblocks[user - RIG_CODE][row] && rig->dirty[user][row];
}

/* The next range that must be reported; 0 pages when there is none. */
static struct smudge_code_range next_stale(const struct clients_rig *rig,
					   enum rig_user user)
{
	struct smudge_code_range range = {0};
	uint64_t row = 0;
	int region;

	while (row < RIG_NROWS && !is_stale(rig, user, row))
		row++;
	if (row == RIG_NROWS)
		return range;
	range.gpa = rig_gpa(row);
	region = rig_region_of(row);
	for (; row < rig_first_row(region) + rig_npages(region) &&
	       is_stale(rig, user, row);
	     row++) {
		range.length_bytes += 4096;
		range.nblocks += rig->nblocks[user - RIG_CODE][row];
	}
	return range;
}

/* No code there any more; the bits are set, whatever they were. */
static uint64_t drop_blocks(struct clients_rig *rig, enum rig_user user,
			    uint64_t gpa, uint64_t length_bytes)
{
	uint64_t *nblocks = rig->nblocks[user - RIG_CODE];
	uint64_t ndropped = 0;

	for (uint64_t row = 0; row < RIG_NROWS; row++) {
		if (!nblocks[row] || rig_gpa(row) + 4095 < gpa ||
		    rig_gpa(row) > gpa + (length_bytes - 1))
			continue;
		nblocks[row] = 0;
		rig->dirty[user][row] = true;
		ndropped++;
	}
	return ndropped;
}

static void ask_stale(struct clients_rig *rig)
{
	enum rig_user user = some_code(rig);
	size_t max = 1 + test_rng_below(&rig->rng, 5), n;
	struct smudge_code_range ranges[5];

	do {
		n = smudge_code_stale(rig->code[user - RIG_CODE], ranges, max);
		for (size_t i = 0; i < n; i++) {
			struct smudge_code_range expected =
				next_stale(rig, user);

			assert_memory_equal(&ranges[i], &expected,
					    sizeof(expected));
			rig->work.stale += drop_blocks(rig, user, expected.gpa,
						       expected.length_bytes);
		}
	} while (n == max);
	assert_int_equal(next_stale(rig, user).length_bytes, 0);
}

static void forget(struct clients_rig *rig)
{
	enum rig_user user = some_code(rig);
	uint64_t first, end = some_rows(rig, &first);
	uint64_t gpa = rig_gpa(first), length = (end - first) << 12;

	if (test_rng_below(&rig->rng, 10) == 0) {
		gpa = 0;
		length = UINT64_MAX;
	}
	smudge_code_forget(rig->code[user - RIG_CODE], gpa, length);
	rig->work.forgotten += drop_blocks(rig, user, gpa, length);
}

/* A source that fails: unknown means dirty. */
static void harvest(struct clients_rig *rig)
{
	int region = (int)test_rng_below(&rig->rng, RIG_NREGIONS);
	struct fake_source *source = refusing(rig, region);

	if (test_rng_below(&rig->rng, 2)) {
		assert_int_equal(smudge_memory_harvest(rig->memory, NULL), 0);
		for (int i = 0; i < RIG_NREGIONS; i++)
			rig_harvested(rig, i);
		return;
	}
	if (!source || !source->is_running) {
		assert_int_equal(
			smudge_region_harvest(rig->region[region], NULL), 0);
		rig_harvested(rig, region);
		return;
	}
	source->harvest_error = -EIO;
	assert_int_equal(smudge_region_harvest(rig->region[region], NULL),
			 -EIO);
	source->harvest_error = 0;
	rig_harvest_failed(rig, region);
	rig->work.failed++;
}

/* A user closes and opens again; what it received before stays clean. */
static void reopen(struct clients_rig *rig)
{
	enum rig_user user =
		(enum rig_user)test_rng_below(&rig->rng, RIG_NUSERS);

	for (int i = 0; i < RIG_NBATCHES && user == RIG_MIGRATION; i++) {
		if (!smudge_batch_is_empty(rig->batch[i]))
			give_back(rig, i);
	}
	rig_close_user(rig, user);
	if (user == RIG_MIGRATION)
		rig_open_migration(rig);
	else if (user == RIG_DISPLAY)
		rig_open_display(rig);
	else
		rig_open_code(rig, user);
	rig->work.reopened++;
}

static void step(struct clients_rig *rig)
{
	static void (*const steps[])(struct clients_rig *) = {
		take_or_give_back, take_or_give_back,
		take_or_give_back, refresh,
		refresh,	   add_blocks,
		add_blocks,	   ask_stale,
		ask_stale,	   forget,
		harvest,	   harvest,
		set_mode,	   skip_or_mark,
	};
	uint64_t nsteps = sizeof(steps) / sizeof(steps[0]);

	if (test_rng_below(&rig->rng, 2)) {
		rig_write_some(rig);
		return;
	}
	if (test_rng_below(&rig->rng, 60) == 0)
		reopen(rig);
	else
		steps[test_rng_below(&rig->rng, nsteps)](rig);
	rig_check(rig);
}

void rig_run(struct clients_rig *rig, unsigned int nsteps)
{
	const struct rig_work *work = &rig->work;

	rig_check(rig);
	while (nsteps--)
		step(rig);
	assert_true(work->taken && work->returned && work->refreshed);
	assert_true(work->stale && work->forgotten && work->reopened);
}
