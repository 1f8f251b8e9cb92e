/* SPDX-License-Identifier: MIT */
/*
 * Threads write and mark a region while clients take from it, others open and
 * close, and neighbouring regions come and go. No client may lose a write
 * (the invariants are in support/loss.h), and nothing may be touched after it
 * is freed.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "loss.h"

#define NPAGES	    4200
#define CHURN_GPA   UINT64_C(0x40000000)
#define CHURN_PAGES 130
#define TOTAL_MARKS 1200000 /* of all the cases below */

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct loss loss;
	bool marks_by_gpa;
};

struct taker {
	struct rig *rig;
	struct smudge_client *client;
	struct test_rng rng;
	pthread_t thread;
	uint64_t nbroken, nmissing, page; /* read after the thread ended */
	int error;
};

static void mark_region(void *opaque, uint64_t first_page, uint64_t npages)
{
	struct rig *rig = opaque;

	if (!rig->marks_by_gpa) {
		smudge_region_mark(rig->region, first_page, npages);
		return;
	}
	smudge_memory_mark_gpa(rig->memory, first_page << 12, npages << 12);
	/* and a region that may be there or not */
	smudge_memory_mark_gpa(rig->memory,
			       CHURN_GPA + (first_page % CHURN_PAGES << 12), 1);
}

/* Take the region once; a consumer that fails now and then returns first. */
static int one_pass(struct taker *taker, struct loss_viewer *viewer,
		    struct smudge_batch *batch)
{
	struct smudge_client *client = taker->client;
	struct smudge_region *region = taker->rig->region;
	uint64_t at = 0;
	int ret = 0;

	loss_viewer_begin(viewer);
	while (at < NPAGES && !ret) {
		ret = smudge_client_take(client, region, at, NPAGES - at, batch,
					 NULL);
		if (ret)
			break;
		if (test_rng_below(&taker->rng, 4) == 0) {
			ret = smudge_client_return(client, batch);
			continue;
		}
		at = smudge_batch_end_page(batch);
		loss_viewer_copy(viewer, batch);
		ret = smudge_client_commit(client, batch);
	}
	taker->nbroken += loss_viewer_end(viewer, &taker->page);
	return ret;
}

static void *taker_main(void *opaque)
{
	struct taker *taker = opaque;
	struct loss *loss = &taker->rig->loss;
	struct loss_viewer viewer;
	struct smudge_batch *batch;
	bool is_last = false;

	taker->error = smudge_batch_create(4096, &batch, NULL);
	if (taker->error)
		return NULL;
	loss_viewer_init(&viewer, loss);
	while (!taker->error && !is_last) {
		/* after the last mark there is one pass more */
		is_last = !loss_is_running(loss);
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
}

static void start(struct rig *rig, struct taker *takers, uint64_t nmarks,
		  struct test_rng *rng)
{
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	rig->region = fake_region(rig->memory, 0, NPAGES);
	rig->loss = (struct loss){
		.npages = NPAGES,
		.nmarkers = 2,
		.nmarks = loss_marks(nmarks, TOTAL_MARKS) / 2,
		.seed = test_rng_next(rng),
		.mark = mark_region,
		.opaque = rig,
	};
	for (int i = 0; i < 2; i++) {
		takers[i].rig = rig;
		takers[i].client = fake_client(rig->memory, "taker", i == 0);
		takers[i].rng.state = test_rng_next(rng);
	}
	loss_start(&rig->loss);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&takers[i].thread, NULL,
						taker_main, &takers[i]),
				 0);
}

static void finish(struct rig *rig, struct taker *takers)
{
	loss_join(&rig->loss);
	for (int i = 0; i < 2; i++)
		check_taker(&takers[i]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(smudge_client_close(takers[i].client), 0);
	loss_free(&rig->loss);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
}

static void test_two_clients(void **state)
{
	struct test_rng rng = test_rng_start("memory_loss");
	struct rig rig = {0};
	struct taker takers[2] = {0};

	start(&rig, takers, 600000, &rng);
	finish(&rig, takers);
}

/* A client that opens while writers run gets every write from then on. */
static void test_clients_come_and_go(void **state)
{
	struct test_rng rng = test_rng_start("memory_loss clients");
	struct rig rig = {0};
	struct taker takers[2] = {0};
	unsigned int ncycles = 0;

	start(&rig, takers, 400000, &rng);
	do {
		struct loss_viewer viewer;
		struct taker guest = {.rig = &rig, .rng = rng};
		struct smudge_batch *batch;

		guest.client = fake_client(rig.memory, "guest", false);
		assert_int_equal(smudge_batch_create(4096, &batch, NULL), 0);
		loss_viewer_init(&viewer, &rig.loss);
		for (int i = 0; i < 3; i++)
			assert_int_equal(one_pass(&guest, &viewer, batch), 0);
		assert_int_equal(guest.nbroken, 0);
		loss_viewer_free(&viewer);
		assert_int_equal(smudge_batch_destroy(batch), 0);
		assert_int_equal(smudge_client_close(guest.client), 0);
		ncycles++;
	} while (loss_is_running(&rig.loss));
	finish(&rig, takers);
	assert_true(ncycles > 0);
}

static void test_regions_come_and_go(void **state)
{
	struct test_rng rng = test_rng_start("memory_loss regions");
	struct rig rig = {.marks_by_gpa = true};
	struct taker takers[2] = {0};
	unsigned int ncycles = 0;

	start(&rig, takers, 200000, &rng);
	do {
		struct smudge_region *region =
			fake_region(rig.memory, CHURN_GPA, CHURN_PAGES);

		/* new to clients that watch everything: all dirty */
		assert_int_equal(fake_take(takers[0].client, region),
				 CHURN_PAGES);
		fake_take(takers[1].client, region);
		assert_int_equal(smudge_region_remove(region, NULL), 0);
		ncycles++;
	} while (loss_is_running(&rig.loss));
	finish(&rig, takers);
	assert_true(ncycles > 0);
}

TEST_MAIN(test_two_clients, test_clients_come_and_go, test_regions_come_and_go)
