/* SPDX-License-Identifier: MIT */
/*
 * Random blocks, writes by marks and through a source, questions and
 * forgetting, against lists: which blocks there are, which pages were written
 * since they are watched. A stale page too few is a failure, and so is one of
 * another page. A second client keeps its own list and must agree with that.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include <smudge/code.h>

#include "fake_source.h"

#define NPAGES	   9000
#define HIGH_PAGES 70
#define HIGH_GPA   UINT64_C(0x100000000)
#define MAX_BLOCKS 4096
#define NSTEPS	   30000

struct block {
	uint64_t gpa, length_bytes;
};

struct rig {
	struct test_rng rng;
	struct smudge_memory *memory;
	struct smudge_region *low, *high;
	struct fake_source fake;
	struct smudge_client *other;
	struct smudge_code *code;
	bool marks_only;
	/* the truth */
	struct block blocks[MAX_BLOCKS];
	size_t nblocks;
	bool watched[NPAGES + HIGH_PAGES];
	uint64_t begun[NPAGES + HIGH_PAGES]; /* when, if watched */
	uint64_t earlier;		     /* a time before */
	bool written[NPAGES + HIGH_PAGES];   /* and watched */
	bool pending[NPAGES];		     /* in the source */
	bool other_dirty[NPAGES + HIGH_PAGES];
};

/* Pages of both regions in one row; HIGH_GPA's come last. */
static uint64_t row_of(uint64_t gpa)
{
	return gpa >= HIGH_GPA ? NPAGES + ((gpa - HIGH_GPA) >> 12) : gpa >> 12;
}

static uint64_t gpa_of(uint64_t row)
{
	return row < NPAGES ? row << 12 : HIGH_GPA + ((row - NPAGES) << 12);
}

static bool touches(const struct block *block, uint64_t row)
{
	return row_of(block->gpa) <= row &&
	       row <= row_of(block->gpa + block->length_bytes - 1);
}

static void start(struct rig *rig, bool marks_only)
{
	struct smudge_code_options options = {.size = sizeof(options),
					      .marks_only = marks_only};

	rig->marks_only = marks_only;
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	rig->high = fake_region(rig->memory, HIGH_GPA, HIGH_PAGES);
	rig->low = fake_region(rig->memory, 0, NPAGES);
	fake_create(&rig->fake, true);
	assert_int_equal(
		smudge_region_attach(rig->low, rig->fake.source, 0, 0, NULL),
		0);
	rig->other = fake_client(rig->memory, "other", true);
	assert_int_equal(
		smudge_code_open(rig->memory, &options, &rig->code, NULL), 0);
}

static void end(struct rig *rig)
{
	smudge_code_close(rig->code);
	assert_int_equal(smudge_client_close(rig->other), 0);
	assert_int_equal(fake_stats(rig->memory).bitmap_bytes, 0);
	fake_destroy(&rig->fake);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
}

/* Blocks lie in a few places, so that pages share them. */
static uint64_t some_gpa(struct rig *rig)
{
	uint64_t row = test_rng_below(&rig->rng, 40);

	switch (test_rng_below(&rig->rng, 4)) {
	case 0:
		row = NPAGES + row;
		break;
	case 1:
		row = NPAGES - 1 - row;
		break;
	case 2:
		row = 4080 + row;
		break;
	}
	return gpa_of(row) + test_rng_below(&rig->rng, 4096);
}

static void add(struct rig *rig)
{
	struct block block = {some_gpa(rig),
			      1 + test_rng_below(&rig->rng, 600)};
	uint64_t last = block.gpa + block.length_bytes - 1;
	uint64_t rearmed = rig->fake.rearmed_pages;
	uint64_t now = smudge_code_now(rig->code), since = now;
	bool is_new = false;
	int ret;

	if (rig->nblocks == MAX_BLOCKS || row_of(last) >= NPAGES + HIGH_PAGES ||
	    (block.gpa < HIGH_GPA && row_of(last) >= NPAGES))
		return;
	/* its bytes were read some time ago */
	if (test_rng_below(&rig->rng, 4) == 0)
		since = rig->earlier;
	if (test_rng_below(&rig->rng, 50) == 0)
		rig->earlier = now;
	for (uint64_t row = row_of(block.gpa); row <= row_of(last); row++) {
		is_new |= !rig->watched[row] || rig->begun[row] > since;
		/* whatever the page was before, its writer is armed */
		if (!rig->watched[row] && row < NPAGES && !rig->marks_only)
			rearmed++;
		if (!rig->watched[row])
			rig->begun[row] = now + 1;
		rig->watched[row] = true;
	}
	ret = smudge_code_add(rig->code, block.gpa, block.length_bytes, since,
			      NULL);
	assert_int_equal(ret, is_new ? -EAGAIN : 0);
	assert_int_equal(rig->fake.rearmed_pages, rearmed);
	if (is_new && test_rng_below(&rig->rng, 30) == 0)
		return; /* the translator drops the block */
	if (is_new)
		assert_int_equal(smudge_code_add(rig->code, block.gpa,
						 block.length_bytes,
						 smudge_code_now(rig->code),
						 NULL),
				 0);
	rig->blocks[rig->nblocks++] = block;
}

static void write_page(struct rig *rig)
{
	uint64_t row = test_rng_below(&rig->rng, 3)
			       ? row_of(some_gpa(rig))
			       : test_rng_below(&rig->rng, NPAGES);
	uint64_t n = 1 + test_rng_below(&rig->rng, 3);

	if (row < NPAGES && test_rng_below(&rig->rng, 3) == 0) {
		fake_write(&rig->fake, row);
		rig->pending[row] = true;
		return;
	}
	smudge_memory_mark_gpa(rig->memory, gpa_of(row), n << 12);
	for (uint64_t i = row; i < row + n && i < NPAGES + HIGH_PAGES; i++) {
		if (i >= NPAGES && row < NPAGES)
			break;
		rig->other_dirty[i] = true;
		rig->written[i] = rig->watched[i];
	}
}

static void harvest(struct rig *rig)
{
	assert_int_equal(smudge_memory_harvest(rig->memory, NULL), 0);
	for (uint64_t i = 0; i < NPAGES; i++) {
		if (!rig->pending[i])
			continue;
		rig->pending[i] = false;
		rig->other_dirty[i] = true;
		if (!rig->marks_only)
			rig->written[i] = rig->watched[i];
	}
}

/* The blocks of the page are gone, and pages that keep none with them. */
static uint64_t drop(struct rig *rig, uint64_t row)
{
	uint64_t ndropped = 0;
	bool neighbour[2] = {false, false};

	for (size_t i = 0; i < rig->nblocks;) {
		if (!touches(&rig->blocks[i], row)) {
			i++;
			continue;
		}
		neighbour[0] |= row && touches(&rig->blocks[i], row - 1);
		neighbour[1] |= touches(&rig->blocks[i], row + 1);
		rig->blocks[i] = rig->blocks[--rig->nblocks];
		ndropped++;
	}
	rig->watched[row] = rig->written[row] = false;
	for (int side = 0; side < 2; side++) {
		uint64_t next = side ? row + 1 : row - 1;
		bool has_code = !neighbour[side];

		for (size_t i = 0; i < rig->nblocks && !has_code; i++)
			has_code = touches(&rig->blocks[i], next);
		if (!has_code)
			rig->watched[next] = rig->written[next] = false;
	}
	return ndropped;
}

static void ask(struct rig *rig)
{
	size_t max = 1 + test_rng_below(&rig->rng, 4);
	struct smudge_code_range ranges[4];
	size_t n;

	do {
		n = smudge_code_stale(rig->code, ranges, max);
		for (size_t i = 0; i < n; i++) {
			uint64_t first = row_of(ranges[i].gpa);
			uint64_t npages = ranges[i].length_bytes >> 12;
			uint64_t ndropped = 0;

			for (uint64_t p = first; p < first + npages; p++) {
				/*
				 * Not written itself: its last block was shared
				 * with a written page of the range.
				 */
				if (!rig->written[p])
					assert_true(p > first && ndropped);
				ndropped += drop(rig, p);
			}
			assert_int_equal(ranges[i].nblocks, ndropped);
		}
	} while (n == max);
	for (uint64_t p = 0; p < NPAGES + HIGH_PAGES; p++)
		assert_false(rig->written[p]);
}

static void forget(struct rig *rig)
{
	uint64_t gpa = some_gpa(rig);
	uint64_t length = 1 + test_rng_below(&rig->rng, 3 * 4096);

	if (test_rng_below(&rig->rng, 20) == 0) {
		gpa = 0;
		length = UINT64_MAX;
	}
	smudge_code_forget(rig->code, gpa, length);
	for (uint64_t p = 0; p < NPAGES + HIGH_PAGES; p++) {
		uint64_t first = gpa_of(p);

		if (first + 4095 >= gpa && first <= gpa + (length - 1) &&
		    rig->watched[p])
			drop(rig, p);
	}
}

static void check_all(struct rig *rig)
{
	struct smudge_code_stats stats = {.size = sizeof(stats)};
	uint64_t nwatched = 0;

	for (uint64_t p = 0; p < NPAGES + HIGH_PAGES; p++) {
		nwatched += rig->watched[p];
		assert_int_equal(smudge_code_watches(rig->code, gpa_of(p)),
				 rig->watched[p]);
		assert_int_equal(
			smudge_client_test(rig->other,
					   p < NPAGES ? rig->low : rig->high,
					   p < NPAGES ? p : p - NPAGES),
			rig->other_dirty[p]);
	}
	assert_int_equal(smudge_code_stats(rig->code, &stats), 0);
	assert_int_equal(stats.watched_pages, nwatched);
	assert_int_equal(stats.blocks, rig->nblocks);
	assert_int_equal(stats.added_blocks, stats.blocks + stats.stale_blocks +
						     stats.forgotten_blocks);
}

static void other_takes(struct rig *rig)
{
	uint64_t n = fake_take(rig->other, rig->low);

	for (uint64_t p = 0; p < NPAGES; p++) {
		n -= rig->other_dirty[p];
		rig->other_dirty[p] = false;
	}
	assert_int_equal(n, 0);
}

static void run(bool marks_only)
{
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	rig.rng = test_rng_start(marks_only ? "code_oracle marks"
					    : "code_oracle");
	start(&rig, marks_only);
	for (int step = 0; step < NSTEPS; step++) {
		uint64_t what = test_rng_below(&rig.rng, 200);

		if (what < 120)
			add(&rig);
		else if (what < 180)
			write_page(&rig);
		else if (what < 188)
			harvest(&rig);
		else if (what < 195)
			ask(&rig);
		else if (what < 198)
			forget(&rig);
		else
			other_takes(&rig);
		if (step % 500 == 0)
			check_all(&rig);
	}
	check_all(&rig);
	end(&rig);
}

static void test_with_sources(void **state)
{
	run(false);
}

static void test_marks_only(void **state)
{
	run(true);
}

TEST_MAIN(test_with_sources, test_marks_only)
