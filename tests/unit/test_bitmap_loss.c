/* SPDX-License-Identifier: MIT */
/*
 * Threads write and mark while an owner merges, takes, copies, returns and
 * asks: no write may be lost (the invariants are in support/loss.h). Pages
 * are few, so that markers, takers and summaries collide all the time, and
 * every mark counts: a page is rarely written twice after a lost mark.
 */
#include "support.h"

#include <stdio.h>

#include <smudge/bitmap.h>

#include "loss.h"

struct owner {
	struct smudge_bitmap *bitmap;
	struct smudge_batch *batch;
	struct test_rng *rng;
};

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
static void one_round(struct owner *owner, struct loss *loss)
{
	struct loss_viewer viewer;
	uint64_t page = 0, nbroken = 0;

	assert_int_equal(smudge_bitmap_create(loss->npages, &owner->bitmap), 0);
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
	assert_false(smudge_bitmap_any(owner->bitmap, 0, loss->npages));
	loss_viewer_free(&viewer);
	loss_free(loss);
	smudge_bitmap_destroy(owner->bitmap);
}

static void run_rounds(uint64_t npages, unsigned int nmarkers, bool is_shared,
		       unsigned int nrounds, uint64_t nmarks)
{
	struct test_rng rng = test_rng_start("bitmap_loss");
	struct owner owner = {.rng = &rng};

	assert_int_equal(smudge_batch_create(4096, &owner.batch), 0);
	for (unsigned int i = 0; i < nrounds; i++) {
		struct loss loss = {
			.npages = npages,
			.nmarkers = nmarkers,
			.nmarks = loss_marks(nmarks, nmarkers) / nrounds + 1,
			.is_shared = is_shared,
			.seed = test_rng_next(&rng),
			.mark = mark_bitmap,
			.opaque = &owner,
		};

		one_round(&owner, &loss);
	}
	assert_int_equal(smudge_batch_destroy(owner.batch), 0);
}

static void test_one_word_disjoint(void **state)
{
	run_rounds(64, 2, false, 20, 4000000);
}

static void test_two_groups_disjoint(void **state)
{
	run_rounds(4096 + 70, 3, false, 10, 2000000);
}

static void test_overlapping_ranges(void **state)
{
	run_rounds(4096 + 70, 2, true, 10, 300000);
}

static void test_short_rounds(void **state)
{
	/* many ends: a lost last mark cannot be covered by a later one */
	run_rounds(130, 3, false, 400, 400000);
}

static void test_many_groups(void **state)
{
	run_rounds(70 * 4096 + 1, 2, false, 2, 1000000);
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

	return cmocka_run_group_tests(tests, NULL, NULL);
}
