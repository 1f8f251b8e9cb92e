/* SPDX-License-Identifier: MIT */
/*
 * Threads write and mark while a translator reads pages, adds them and asks
 * what is stale (the invariants are in support/loss.h): what it keeps as not
 * stale has every write whose mark came before the question. Pages that are
 * read before they are watched are the hard part: -EAGAIN must catch them,
 * also when another block began to watch the page in between.
 */
#include "support.h"

#include <errno.h>

#include <smudge/code.h>

#include "fake_source.h"
#include "loss.h"

#define NPAGES 4200

struct rig {
	struct smudge_region *region;
	struct smudge_code *code;
	struct loss loss;
};

static void mark(void *opaque, uint64_t first_page, uint64_t npages)
{
	struct rig *rig = opaque;

	smudge_region_mark(rig->region, first_page, npages);
}

/*
 * Read the code as a translator does, add its block, and repeat both on
 * -EAGAIN.
 */
static void translate(struct rig *rig, struct loss_viewer *viewer,
		      uint64_t page)
{
	uint64_t since;
	int ret;

	do {
		since = smudge_code_now(rig->code);
		viewer->copied[page] = atomic_load_explicit(
			&rig->loss.content[page], memory_order_relaxed);
		viewer->last_pass[page] = viewer->pass;
		ret = smudge_code_add(rig->code, page << 12, 100, since, NULL);
	} while (ret == -EAGAIN);
	assert_int_equal(ret, 0);
}

/* All pages are read first and added in a row afterwards, two at a time. */
static void translate_late(struct rig *rig, struct loss_viewer *viewer)
{
	uint64_t since = smudge_code_now(rig->code);

	for (uint64_t p = 0; p < NPAGES; p++) {
		viewer->copied[p] = atomic_load_explicit(&rig->loss.content[p],
							 memory_order_relaxed);
		viewer->last_pass[p] = viewer->pass;
	}
	for (uint64_t p = 0; p < NPAGES; p++) {
		uint64_t length = p % 2 ? 100 : 5000;
		int ret = smudge_code_add(rig->code, p << 12, length, since,
					  NULL);

		if (ret == -EAGAIN)
			translate(rig, viewer, p);
		else
			assert_int_equal(ret, 0);
	}
}

static void one_pass(struct rig *rig, struct loss_viewer *viewer,
		     struct test_rng *rng)
{
	struct smudge_code_range ranges[16];
	uint64_t page = 0;
	size_t n;

	loss_viewer_begin(viewer);
	do {
		n = smudge_code_stale(rig->code, ranges, 16);
		for (size_t i = 0; i < n; i++) {
			uint64_t first = ranges[i].gpa >> 12;
			uint64_t npages = ranges[i].length_bytes >> 12;

			for (uint64_t p = first; p < first + npages; p++)
				translate(rig, viewer, p);
		}
	} while (n);
	/* dropped by the translator, and translated anew */
	page = test_rng_below(rng, NPAGES);
	smudge_code_forget(rig->code, page << 12, 1);
	translate(rig, viewer, page);
	page = 0;
	if (loss_viewer_end(viewer, &page))
		fail_msg("page %llu is stale and nobody said so",
			 (unsigned long long)page);
}

static void run(const char *name, bool is_shared)
{
	struct test_rng rng = test_rng_start(name);
	struct smudge_code_options options = {.size = sizeof(options),
					      .marks_only = true};
	struct smudge_memory *memory;
	struct loss_viewer viewer;
	struct rig rig = {0};
	uint64_t page = 0;
	bool is_last;

	assert_int_equal(smudge_memory_create(&memory), 0);
	rig.region = fake_region(memory, 0, NPAGES);
	assert_int_equal(smudge_code_open(memory, &options, &rig.code, NULL),
			 0);
	rig.loss = (struct loss){
		.npages = NPAGES,
		.nmarkers = 2,
		.nmarks = loss_marks(400000, 800000) / 2,
		.is_shared = is_shared,
		.seed = test_rng_next(&rng),
		.mark = mark,
		.opaque = &rig,
	};
	loss_start(&rig.loss);
	loss_viewer_init(&viewer, &rig.loss);
	/* the first reads happen while writers run and nothing is watched */
	loss_viewer_begin(&viewer);
	translate_late(&rig, &viewer);
	loss_viewer_end(&viewer, &page);
	do {
		is_last = !loss_is_running(&rig.loss);
		one_pass(&rig, &viewer, &rng);
	} while (!is_last);
	loss_join(&rig.loss);
	assert_int_equal(loss_viewer_missing(&viewer, &page), 0);
	loss_viewer_free(&viewer);
	loss_free(&rig.loss);
	smudge_code_close(rig.code);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

static void test_own_pages(void **state)
{
	run("code_loss", false);
}

static void test_shared_pages(void **state)
{
	run("code_loss shared", true);
}

TEST_MAIN(test_own_pages, test_shared_pages)
