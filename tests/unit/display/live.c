/* SPDX-License-Identifier: MIT */
/*
 * Threads draw and mark while the screen is refreshed, changed in mode, and
 * watched by viewers who come and go. Every change of the frame is inside a
 * rectangle at all times; when the writers rest, one refresh makes the frame
 * the screen.
 */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>

#include "display_rig.h"

#define NPAGES	 200
#define NWRITERS 2
#define NWRITES	 1000000

struct writer {
	struct display_rig *rig;
	struct test_rng rng;
	pthread_t thread;
};

static struct smudge_rect rects[SMUDGE_DISPLAY_MAX_RECTS];
static _Atomic unsigned int nrunning;

/* Pixels in bursts, so that many fall into pages that are being read. */
static void *writer_main(void *opaque)
{
	struct writer *writer = opaque;
	struct display_rig *rig = writer->rig;
	uint64_t npixels = rig->size_bytes / 4;

	for (int i = 0; i < NWRITES; i++) {
		uint64_t at = test_rng_below(&writer->rng, npixels);

		if (i % 8)
			at %= 4096;
		rig_write(rig, at * 4, (uint32_t)writer->rng.state);
	}
	/* release: the last marks are done before the thread is */
	atomic_fetch_sub_explicit(&nrunning, 1, memory_order_release);
	return NULL;
}

static void start_writers(struct display_rig *rig, struct writer *writers,
			  struct test_rng *rng)
{
	atomic_store_explicit(&nrunning, NWRITERS, memory_order_relaxed);
	for (int i = 0; i < NWRITERS; i++) {
		writers[i].rig = rig;
		writers[i].rng.state = test_rng_next(rng);
		assert_int_equal(pthread_create(&writers[i].thread, NULL,
						writer_main, &writers[i]),
				 0);
	}
}

/* acquire: pairs with the release in writer_main */
static bool is_drawing(void)
{
	return atomic_load_explicit(&nrunning, memory_order_acquire) > 0;
}

static void join_writers(struct writer *writers)
{
	for (int i = 0; i < NWRITERS; i++)
		pthread_join(writers[i].thread, NULL);
}

static void test_one_viewer(void **state)
{
	struct test_rng rng = test_rng_start("display_live");
	struct writer writers[NWRITERS];
	struct display_rig rig;
	uint64_t n = 0;

	rig_start(&rig, NPAGES, 12);
	rig_open(&rig, rig_mode(1236, 2052, 500, 390));
	start_writers(&rig, writers, &rng);
	while (is_drawing())
		n += rig_refresh_live(&rig, rects,
				      1 + test_rng_below(&rng, 30));
	join_writers(writers);
	/* On a busy machine they may have ended before anything was drawn. */
	n += rig_refresh(&rig, rects, 5);
	assert_int_equal(rig_refresh(&rig, rects, 5), 0);
	assert_true(n > 0);
	rig_stop(&rig);
}

static void test_modes_and_viewers(void **state)
{
	struct test_rng rng = test_rng_start("display_live modes");
	struct writer writers[NWRITERS];
	struct display_rig rig;

	rig_start(&rig, NPAGES, 12);
	rig_open(&rig, rig_mode(0, 2048, 512, 400));
	start_writers(&rig, writers, &rng);
	while (is_drawing()) {
		uint32_t width = 1 + (uint32_t)test_rng_below(&rng, 500);
		struct smudge_display_mode mode =
			rig_mode(test_rng_below(&rng, 4000) * 4, 2004, width,
				 1 + (uint32_t)test_rng_below(&rng, 300));

		if (test_rng_below(&rng, 2)) {
			rig_set_mode(&rig, mode);
		} else {
			rig_close(&rig);
			rig_open(&rig, mode);
		}
		for (int i = 0; i < 4; i++)
			rig_refresh_live(&rig, rects, 10);
	}
	join_writers(writers);
	rig_refresh(&rig, rects, 5);
	rig_stop(&rig);
}

TEST_MAIN(test_one_viewer, test_modes_and_viewers)
