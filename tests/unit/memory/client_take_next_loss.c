/* SPDX-License-Identifier: MIT */
/*
 * Threads write and mark a region while two clients loop over what is dirty
 * with smudge_client_take_next, under limits that change, and now and then
 * return a batch and begin again where it began. Neither client may lose a
 * write (the invariants are in support/loss.h).
 */
#include "support.h"

#include "fake_source.h"
#include "loss.h"

#define NPAGES	    9000
#define TOTAL_MARKS 900000 /* of all the cases below */

struct taker {
	struct smudge_region *region;
	struct smudge_client *client;
	struct loss *loss;
	struct test_rng rng;
	pthread_t thread;
	uint64_t nbroken, nmissing, page; /* read after the thread ended */
	int error;
};

static void mark_region(void *opaque, uint64_t first_page, uint64_t npages)
{
	smudge_region_mark(opaque, first_page, npages);
}

/* Pages per take of this pass: few, as many as a window has, or all. */
static uint64_t draw_limit(struct test_rng *rng)
{
	static const uint64_t limits[] = {40, 64, 1024, 5000, UINT64_MAX};

	return limits[test_rng_below(rng, 5)];
}

static int one_pass(struct taker *taker, struct loss_viewer *viewer,
		    struct smudge_batch *batch)
{
	uint64_t max_pages = draw_limit(&taker->rng);
	struct smudge_run rest = {0, NPAGES};
	int ret;

	loss_viewer_begin(viewer);
	do {
		struct smudge_run before = rest;

		ret = smudge_client_take_next(taker->client, taker->region,
					      &rest, max_pages, batch, NULL);
		if (ret <= 0)
			break;
		if (test_rng_below(&taker->rng, 4) == 0) {
			rest = before;
			ret = smudge_client_return(taker->client, batch);
			continue;
		}
		loss_viewer_copy(viewer, batch);
		ret = smudge_client_commit(taker->client, batch);
	} while (ret == 0);
	taker->nbroken += loss_viewer_end(viewer, &taker->page);
	return ret;
}

static void *taker_main(void *opaque)
{
	struct taker *taker = opaque;
	struct loss_viewer viewer;
	struct smudge_batch *batch;
	bool is_last = false;

	taker->error = smudge_batch_create(4096, &batch, NULL);
	if (taker->error)
		return NULL;
	loss_viewer_init(&viewer, taker->loss);
	while (!taker->error && !is_last) {
		/* after the last mark there is one pass more */
		is_last = !loss_is_running(taker->loss);
		taker->error = one_pass(taker, &viewer, batch);
	}
	taker->nmissing = loss_viewer_missing(&viewer, &taker->page);
	loss_viewer_free(&viewer);
	smudge_batch_destroy(batch);
	return NULL;
}

static void check_taker(struct taker *taker)
{
	pthread_join(taker->thread, NULL);
	assert_int_equal(taker->error, 0);
	if (taker->nbroken || taker->nmissing)
		fail_msg("%llu writes missed, %llu pages never copied, one "
			 "is %llu",
			 (unsigned long long)taker->nbroken,
			 (unsigned long long)taker->nmissing,
			 (unsigned long long)taker->page);
	assert_int_equal(smudge_client_close(taker->client), 0);
}

static void run(const char *name, bool is_shared, uint64_t nmarks)
{
	struct test_rng rng = test_rng_start(name);
	struct loss loss = {
		.npages = NPAGES,
		.nmarkers = 2,
		.nmarks = loss_marks(nmarks, TOTAL_MARKS) / 2,
		.is_shared = is_shared,
		.seed = test_rng_next(&rng),
		.mark = mark_region,
	};
	struct taker takers[2] = {0};
	struct smudge_memory *memory;

	assert_int_equal(smudge_memory_create(&memory), 0);
	loss.opaque = fake_region(memory, 0, NPAGES);
	for (int i = 0; i < 2; i++) {
		takers[i].region = loss.opaque;
		takers[i].loss = &loss;
		takers[i].client = fake_client(memory, "taker", i == 0);
		takers[i].rng.state = test_rng_next(&rng);
	}
	loss_start(&loss);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&takers[i].thread, NULL,
						taker_main, &takers[i]),
				 0);
	loss_join(&loss);
	for (int i = 0; i < 2; i++)
		check_taker(&takers[i]);
	loss_free(&loss);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

static void test_own_pages(void **state)
{
	run("client_take_next_loss", false, 600000);
}

static void test_shared_pages(void **state)
{
	run("client_take_next_loss shared", true, 300000);
}

TEST_MAIN(test_own_pages, test_shared_pages)
