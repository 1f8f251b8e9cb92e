/* SPDX-License-Identifier: MIT */
/*
 * Threads write and mark pages of a region whose end moves all the time, on
 * both sides of the end, while clients take. The pages in front of the smallest
 * size obey the invariants of support/loss.h; a page behind it that is there at
 * the end has been copied with its last content, or is dirty.
 */
#include "support.h"

#include <string.h>

#include "fake_source.h"
#include "loss.h"

#define SMALLEST    4100 /* pages that always exist */
#define NPAGES	    9000 /* pages that are written */
#define LARGEST	    300000
#define TOTAL_MARKS 3000000

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client;
	struct smudge_batch *batch;
	struct loss loss;
	struct loss front; /* the same of pages that always exist */
	struct loss_viewer viewer;
	pthread_t resizer;
	atomic_bool is_over;
	unsigned int nresized;
	struct test_rng rng;   /* the resizer's */
	uint32_t tail[NPAGES]; /* copied content of pages behind SMALLEST */
};

/* Every other mark goes by the address. */
static void mark(void *opaque, uint64_t first_page, uint64_t npages)
{
	struct rig *rig = opaque;

	if (first_page & 2)
		smudge_region_mark(rig->region, first_page, npages);
	else
		smudge_memory_mark_gpa(rig->memory, first_page << 12,
				       npages << 12);
}

static void *resizer_main(void *opaque)
{
	struct rig *rig = opaque;

	/* Once at least, however late this thread begins. */
	do {
		uint64_t most =
			test_rng_below(&rig->rng, 8) ? 2 * NPAGES : LARGEST;
		uint64_t npages =
			SMALLEST +
			test_rng_below(&rig->rng, most - SMALLEST + 1);

		if (smudge_region_resize(rig->region, npages, NULL) == 0)
			rig->nresized++;
	} while (!atomic_load(&rig->is_over));
	/* All that is written is there in the end. */
	while (smudge_region_resize(rig->region, NPAGES, NULL))
		;
	return NULL;
}

/* Copy what the batch has, as the viewer does, behind SMALLEST too. */
static void copy_tail(struct rig *rig)
{
	for (size_t i = 0; i < smudge_batch_nruns(rig->batch); i++) {
		struct smudge_run run = smudge_batch_run(rig->batch, i);
		uint64_t end = run.first_page + run.npages;

		for (uint64_t p = run.first_page; p < end && p < NPAGES; p++)
			rig->tail[p] = atomic_load_explicit(
				&rig->loss.content[p], memory_order_relaxed);
	}
}

static void take(struct rig *rig, uint64_t first_page, uint64_t npages,
		 bool is_front)
{
	uint64_t end = first_page + npages;

	while (first_page < end) {
		int ret =
			smudge_client_take(rig->client, rig->region, first_page,
					   end - first_page, rig->batch, NULL);

		if (ret < 0) /* it has shrunk meanwhile */
			return;
		first_page = smudge_batch_end_page(rig->batch);
		if (is_front)
			loss_viewer_copy(&rig->viewer, rig->batch);
		copy_tail(rig);
		assert_int_equal(smudge_client_commit(rig->client, rig->batch),
				 0);
	}
}

static void one_pass(struct rig *rig)
{
	uint64_t npages, page = 0;
	uint64_t nbroken;

	loss_viewer_begin(&rig->viewer);
	take(rig, 0, SMALLEST, true);
	nbroken = loss_viewer_end(&rig->viewer, &page);
	if (nbroken)
		fail_msg("%llu writes missed, one of page %llu",
			 (unsigned long long)nbroken, (unsigned long long)page);
	npages = smudge_region_npages(rig->region);
	if (npages > SMALLEST)
		take(rig, SMALLEST, npages - SMALLEST, false);
}

static void check_tail(struct rig *rig)
{
	for (uint64_t p = 0; p < NPAGES; p++) {
		uint32_t content = atomic_load(&rig->loss.content[p]);

		if (rig->tail[p] != content)
			fail_msg("page %llu has %u, copied was %u",
				 (unsigned long long)p, content, rig->tail[p]);
	}
}

static void run(bool is_shared, uint64_t nmarks)
{
	struct test_rng rng = test_rng_start("resize_loss");
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	rig.rng.state = test_rng_next(&rng);
	assert_int_equal(smudge_memory_create(&rig.memory), 0);
	rig.region = fake_region_room(rig.memory, 0, SMALLEST, LARGEST);
	rig.client = fake_client(rig.memory, "taker", false);
	assert_int_equal(smudge_batch_create(4096, &rig.batch, NULL), 0);
	rig.loss = (struct loss){
		.npages = NPAGES,
		.nmarkers = 2,
		.nmarks = loss_marks(nmarks, TOTAL_MARKS) / 2,
		.is_shared = is_shared,
		.seed = test_rng_next(&rng),
		.mark = mark,
		.opaque = &rig,
	};
	assert_int_equal(pthread_create(&rig.resizer, NULL, resizer_main, &rig),
			 0);
	loss_start(&rig.loss);
	rig.front = (struct loss){.npages = SMALLEST,
				  .content = rig.loss.content,
				  .done = rig.loss.done};
	loss_viewer_init(&rig.viewer, &rig.front);
	while (loss_is_running(&rig.loss))
		one_pass(&rig);
	loss_join(&rig.loss);
	atomic_store(&rig.is_over, true);
	pthread_join(rig.resizer, NULL);
	one_pass(&rig);
	check_tail(&rig);
	print_message("# resized %u times\n", rig.nresized);
	assert_true(rig.nresized > 0);
	loss_viewer_free(&rig.viewer);
	loss_free(&rig.loss);
	assert_int_equal(smudge_batch_destroy(rig.batch), 0);
	assert_int_equal(smudge_client_close(rig.client), 0);
	assert_int_equal(smudge_memory_destroy(rig.memory, NULL), 0);
}

static void test_own_pages(void **state)
{
	run(false, 2000000);
}

static void test_shared_pages(void **state)
{
	run(true, 1000000);
}

TEST_MAIN(test_own_pages, test_shared_pages)
