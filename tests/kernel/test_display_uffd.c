/* SPDX-License-Identifier: MIT */
/*
 * A screen without marks: userfaultfd alone reports to the display what the
 * threads draw, and when they rest one refresh makes the frame the screen.
 */
#include <pthread.h>
#include <stdatomic.h>

#include <smudge/source.h>

#include "display_rig.h"

#define NPAGES	500
#define NWRITES 300000

struct writer {
	struct display_rig *rig;
	struct test_rng rng;
	atomic_bool is_done;
};

static struct smudge_rect rects[SMUDGE_DISPLAY_MAX_RECTS];

static struct smudge_source *attach(struct display_rig *rig)
{
	struct smudge_source *source;
	struct smudge_error err = {0};

	if (smudge_uffd_create(&source, &err) < 0 ||
	    smudge_region_attach(rig->region, source, 0, 0, &err) < 0)
		fail_msg("%s", err.message);
	return source;
}

static void *writer_main(void *opaque)
{
	struct writer *w = opaque;
	uint64_t npixels = w->rig->size_bytes / 4;

	for (int i = 0; i < NWRITES; i++) {
		uint64_t at = test_rng_below(&w->rng, npixels);

		if (i % 8)
			at %= 4096;
		rig_store(w->rig, at * 4, (uint32_t)w->rng.state);
	}
	/* release: pairs with the acquire in test_live */
	atomic_store_explicit(&w->is_done, true, memory_order_release);
	return NULL;
}

static void test_live(void **state)
{
	struct test_rng rng = test_rng_start("display_uffd");
	struct smudge_source *source;
	struct display_rig rig;
	struct writer writer = {.rig = &rig};
	pthread_t thread;
	uint64_t n = 0;

	test_need_uffd();
	rig_start(&rig, NPAGES, 12);
	source = attach(&rig);
	rig_open(&rig, rig_mode(1236, 4100, 1001, 480));
	writer.rng.state = test_rng_next(&rng);
	assert_int_equal(pthread_create(&thread, NULL, writer_main, &writer),
			 0);
	while (!atomic_load_explicit(&writer.is_done, memory_order_acquire))
		n += rig_refresh_live(&rig, rects, 20);
	pthread_join(thread, NULL);
	/* On a busy machine it may have ended before anything was drawn. */
	n += rig_refresh(&rig, rects, 20);
	assert_int_equal(rig_refresh(&rig, rects, 20), 0);
	assert_true(n > 0);
	rig_close(&rig);
	smudge_source_destroy(source);
	rig_stop(&rig);
}

/* A pixel makes its page dirty; the refresh returns only its tile. */
static void test_one_pixel(void **state)
{
	const struct smudge_rect tile = {64, 32, 64, 16};
	struct smudge_display_stats before = {.size = sizeof(before)}, after;
	struct smudge_source *source;
	struct display_rig rig;

	test_need_uffd();
	rig_start(&rig, NPAGES, 12);
	source = attach(&rig);
	rig_open(&rig, rig_mode(0, 4096, 1024, 480));
	rig_refresh(&rig, rects, 20);
	/* what was never written may be reported once more */
	rig_refresh(&rig, rects, 20);
	assert_int_equal(smudge_display_stats(rig.display, &before), 0);
	rig_store(&rig, rig_at(&rig, 100, 40), 7);
	assert_int_equal(rig_refresh(&rig, rects, 20), 1);
	assert_memory_equal(&rects[0], &tile, sizeof(tile));
	after = before;
	assert_int_equal(smudge_display_stats(rig.display, &after), 0);
	assert_int_equal(after.compared_bytes - before.compared_bytes, 4096);
	rig_close(&rig);
	smudge_source_destroy(source);
	rig_stop(&rig);
}

TEST_MAIN(test_live, test_one_pixel)
