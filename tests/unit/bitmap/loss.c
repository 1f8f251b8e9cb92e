/* SPDX-License-Identifier: MIT */
/*
 * Threads write and mark while an owner merges, takes, copies, returns and
 * asks: no write may be lost (the invariants are in support/loss.h). Pages
 * are few, so that markers, takers and summaries collide all the time, and
 * every mark counts: a page is rarely written twice after a lost mark.
 *
 * A mark is one call of mark or mark_range. SMUDGE_TEST_MARKS says how many
 * there are in all: more of them are more rounds, not longer ones.
 */
#include "support.h"

#include <stdio.h>

#include <smudge/bitmap.h>

#include "loss.h"

#define TOTAL_MARKS 7700000 /* of all the cases below */

struct owner {
	struct smudge_bitmap *bitmap;
	struct smudge_batch *batch;
	struct test_rng *rng;
};

struct tally {
	unsigned long long nmarks, nwrites, npasses, nrounds;
};

static struct tally all;

static void mark_bitmap(void *opaque, uint64_t first_page, uint64_t npages)
{
	struct owner *owner = opaque;

	if (npages == 1)
		smudge_bitmap_mark(owner->bitmap, first_page);
	else
		smudge_bitmap_mark_range(owner->bitmap, first_page, npages);
}

/* Things an owner does between takes, none of which may drop a bit. */
static void disturb(struct owner *owner)
{
	uint64_t npages = smudge_bitmap_npages(owner->bitmap);
	uint64_t page = test_rng_below(owner->rng, npages);
	uint64_t bits[2] = {test_rng_next(owner->rng), 0};
	struct smudge_run run;

	switch (test_rng_below(owner->rng, 8)) {
	case 0:
		smudge_bitmap_merge(&owner->bitmap, 1, page, bits, 3,
				    npages - page < 61 ? npages - page : 61);
		break;
	case 1:
		smudge_bitmap_count(owner->bitmap, 0, npages);
		break;
	case 2:
		smudge_bitmap_next_dirty(owner->bitmap, page, npages, &run);
		smudge_bitmap_next_clean(owner->bitmap, page, npages, &run);
		break;
	case 3:
		smudge_bitmap_set_range(owner->bitmap, page, 5);
		break;
	case 4: /* a consumer that fails */
		smudge_bitmap_take(owner->bitmap, page, 500, owner->batch);
		smudge_bitmap_return(owner->bitmap, owner->batch);
		break;
	case 5:
		if (test_rng_below(owner->rng, 50) == 0)
			smudge_bitmap_fill(owner->bitmap);
		break;
	default:
		break;
	}
}

/* Return: writes lost. It does not fail: markers use what a failure frees. */
static uint64_t one_pass(struct owner *owner, struct loss_viewer *viewer)
{
	uint64_t npages = smudge_bitmap_npages(owner->bitmap), at = 0;
	uint64_t page = 0, nbroken;

	disturb(owner);
	loss_viewer_begin(viewer);
	while (at < npages) {
		/* two pieces often, so that a take ends inside a word */
		uint64_t n = 1 + test_rng_below(owner->rng, 2 * npages);

		if (smudge_bitmap_take(owner->bitmap, at, n, owner->batch))
			return 1;
		at = smudge_batch_end_page(owner->batch);
		loss_viewer_copy(viewer, owner->batch);
		smudge_batch_discard(owner->batch);
	}
	nbroken = loss_viewer_end(viewer, &page);
	if (nbroken)
		fprintf(stderr, "# pass %llu: %llu writes lost, one of %llu\n",
			(unsigned long long)viewer->pass,
			(unsigned long long)nbroken, (unsigned long long)page);
	return nbroken;
}

/* One start and end of the markers: the last marks of each are checked. */
static void one_round(struct owner *owner, struct loss *loss,
		      struct tally *tally)
{
	struct loss_viewer viewer;
	uint64_t page = 0, nbroken = 0;

	assert_int_equal(
		smudge_bitmap_create(loss->npages, &owner->bitmap, NULL), 0);
	loss_start(loss);
	loss_viewer_init(&viewer, loss);
	while (loss_is_running(loss))
		nbroken += one_pass(owner, &viewer);
	loss_join(loss);
	nbroken += one_pass(owner, &viewer);
	assert_int_equal(nbroken, 0);
	if (loss_viewer_missing(&viewer, &page))
		fail_msg("page %llu was never copied after its last write",
			 (unsigned long long)page);
	assert_int_equal(loss_viewer_copied(&viewer), loss->nwrites);
	assert_false(smudge_bitmap_any(owner->bitmap, 0, loss->npages));
	tally->nmarks += loss->nmarks * loss->nmarkers;
	tally->nwrites += loss->nwrites;
	tally->npasses += viewer.pass;
	tally->nrounds++;
	loss_viewer_free(&viewer);
	loss_free(loss);
	smudge_bitmap_destroy(owner->bitmap);
}

static void print_tally(const char *name, const struct tally *tally)
{
	fprintf(stderr,
		"# %s: %llu marks, %llu page writes, all copied; "
		"%llu passes, %llu rounds\n",
		name, tally->nmarks, tally->nwrites, tally->npasses,
		tally->nrounds);
	all.nmarks += tally->nmarks;
	all.nwrites += tally->nwrites;
	all.npasses += tally->npasses;
	all.nrounds += tally->nrounds;
}

/* Rounds of @shape until @share of TOTAL_MARKS is done. */
static void run_rounds(const char *name, struct loss shape, uint64_t share)
{
	struct test_rng rng = test_rng_start(name);
	struct owner owner = {.rng = &rng};
	struct tally tally = {0};
	uint64_t nmarks = loss_marks(share, TOTAL_MARKS);

	assert_int_equal(smudge_batch_create(4096, &owner.batch, NULL), 0);
	while (tally.nmarks < nmarks) {
		shape.seed = test_rng_next(&rng);
		shape.mark = mark_bitmap;
		shape.opaque = &owner;
		one_round(&owner, &shape, &tally);
	}
	assert_int_equal(smudge_batch_destroy(owner.batch), 0);
	print_tally(name, &tally);
}

static void test_one_word_disjoint(void **state)
{
	struct loss shape = {.npages = 64, .nmarkers = 2, .nmarks = 25000};

	run_rounds("one_word_disjoint", shape, 4000000);
}

static void test_two_groups_disjoint(void **state)
{
	struct loss shape = {
		.npages = 4096 + 70, .nmarkers = 3, .nmarks = 16000};

	run_rounds("two_groups_disjoint", shape, 2000000);
}

static void test_overlapping_ranges(void **state)
{
	struct loss shape = {.npages = 4096 + 70,
			     .nmarkers = 2,
			     .nmarks = 3700,
			     .is_shared = true};

	run_rounds("overlapping_ranges", shape, 300000);
}

static void test_short_rounds(void **state)
{
	/* many ends: a lost last mark cannot be covered by a later one */
	struct loss shape = {.npages = 130, .nmarkers = 3, .nmarks = 80};

	run_rounds("short_rounds", shape, 400000);
}

static void test_many_groups(void **state)
{
	struct loss shape = {
		.npages = 70 * 4096 + 1, .nmarkers = 2, .nmarks = 250000};

	run_rounds("many_groups", shape, 1000000);
}

static int print_all(void **state)
{
	struct tally tally = all;

	print_tally("in all", &tally);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_word_disjoint),
		cmocka_unit_test(test_two_groups_disjoint),
		cmocka_unit_test(test_overlapping_ranges),
		cmocka_unit_test(test_short_rounds),
		cmocka_unit_test(test_many_groups),
	};

	return cmocka_run_group_tests(tests, NULL, print_all);
}
