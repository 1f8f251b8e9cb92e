/* SPDX-License-Identifier: MIT */
/*
 * Memory that was never touched moves without being read: the sender has no
 * page more than before, the receiver hardly one. What is touched meanwhile is
 * not lost, what the receiver held is cleared, and a receiver that is slow with
 * zeros has the time that it needs.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE   UINT64_C(4096)
#define NPAGES UINT64_C(40000)
#define NTRIES 50

static uint64_t resident_pages(const uint8_t *ram, uint64_t npages)
{
	unsigned char *resident = malloc(npages);
	uint64_t n = 0;

	assert_non_null(resident);
	assert_int_equal(
		mincore((void *)(uintptr_t)ram, npages * PAGE, resident), 0);
	for (uint64_t i = 0; i < npages; i++)
		n += resident[i] & 1;
	free(resident);
	return n;
}

static void touch(uint8_t *ram, uint64_t first, uint64_t npages, int content)
{
	for (uint64_t i = first; i < first + npages; i++)
		ram[i * PAGE + i % PAGE] = (uint8_t)content;
}

static void move(struct rig *rig)
{
	rig_start_receiver(rig);
	assert_int_equal(rig_send(rig, NULL), 0);
	rig_join_receiver(rig);
	assert_int_equal(rig->receive_error, 0);
}

/* Runs of all lengths, in and beside windows of 64 and of 1,024 pages. */
static uint64_t touch_many(uint8_t *ram)
{
	static const uint64_t runs[][2] = {
		{0, 1},	       {63, 2},	     {200, 1024},     {5000, 3},
		{5010, 1},     {8192, 1024}, {12287, 1},      {12288, 1},
		{20000, 5000}, {31000, 64},  {NPAGES - 1, 1},
	};
	uint64_t n = 0;

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		touch(ram, runs[i][0], runs[i][1], 1 + (int)i);
		n += runs[i][1];
	}
	return n;
}

/* Its pagemap is the emulator's: all pages count as populated there. */
static void need_own_pagemap(void)
{
#ifdef TEST_EMULATED
	test_skip_without("pagemap", "it is the emulator's");
#endif
}

static void is_not_populated(void **state)
{
	struct rig rig = {
		.page_shift = 12, .npages = {NPAGES, 64}, .rounds_wanted = 1};
	struct smudge_migrate_stats stats;
	uint64_t touched;

	need_own_pagemap();
	rig_open(&rig, __func__);
	touched = touch_many(rig.source.hva[0]);
	/* zeros that were written */
	touch(rig.source.hva[0], 15000, 10, 0);
	move(&rig);
	stats = rig_stats(rig.sending);
	assert_int_equal(stats.sent_pages, touched);
	assert_int_equal(stats.zero_pages, NPAGES + 64 - touched);
	assert_int_equal(resident_pages(rig.source.hva[0], NPAGES),
			 touched + 10);
	assert_int_equal(resident_pages(rig.source.hva[1], 64), 0);
	/* It reads runs of fewer than 64 pages. */
	assert_true(resident_pages(rig.destination.hva[0], NPAGES) <
		    touched + 12 * 64);
	assert_int_equal(resident_pages(rig.destination.hva[1], 64), 0);
	rig_assert_equal(&rig);
	rig_close(&rig);
}

/* Pages of 64 KiB, of which one host page was touched. */
static void large_pages(void **state)
{
	struct rig rig = {
		.page_shift = 16, .npages = {512, 16}, .rounds_wanted = 1};

	rig_open(&rig, __func__);
	touch(rig.source.hva[0], 77, 1, 5);
	touch(rig.source.hva[0], 16 * 300, 16 * 20, 6);
	touch(rig.destination.hva[0], 16 * 100 + 3, 200, 7);
	move(&rig);
	rig_assert_equal(&rig);
	rig_close(&rig);
}

/* What the receiver held before is cleared, wherever it is. */
static void old_content(void **state)
{
	struct rig rig = {
		.page_shift = 12, .npages = {NPAGES, 64}, .rounds_wanted = 1};

	rig_open(&rig, __func__);
	touch_many(rig.source.hva[0]);
	for (int i = 0; i < 300; i++)
		touch(rig.destination.hva[0],
		      test_rng_below(&rig.rng, NPAGES - 100),
		      test_rng_below(&rig.rng, 100), 0xee);
	touch(rig.destination.hva[1], 0, 64, 0xee);
	move(&rig);
	rig_assert_equal(&rig);
	rig_close(&rig);
}

/* The writer's pages were all untouched at first. */
static void touched_meanwhile(void **state)
{
	for (int i = 0; i < 20; i++) {
		struct rig rig = {.rounds_wanted = 1 + i % 4};

		rig_open(&rig, __func__);
		rig_start_writer(&rig);
		move(&rig);
		rig_assert_equal(&rig);
		rig_end_writer(&rig);
		rig_close(&rig);
	}
}

static void *send_with_short_timeout(void *opaque)
{
	struct rig *rig = opaque;
	struct smudge_migrate_send_options options = rig_send_options(rig);

	options.peer_timeout_ns = 100000000;
	rig->send_error = rig_send(rig, &options);
	return NULL;
}

/* Return: the error of a sender whose receiver is slow, then goes. */
static int meet_slow_receiver(void)
{
	struct rig rig = {.page_shift = 12,
			  .npages = {UINT64_C(1) << 18, 64},
			  .rounds_wanted = 1};
	struct smi_link link;

	rig_open(&rig, "slow_receiver");
	rig_link_open(&rig, &link);
	assert_int_equal(pthread_create(&rig.sender, NULL,
					send_with_short_timeout, &rig),
			 0);
	if (rig_try_to_serve_until(&link, SMI_WIRE_ROUND_END, 1))
		usleep(1000000);
	rig_close_destination(&rig);
	smi_link_close(&link);
	rig_join_sender(&rig);
	rig_assert_went_back(&rig, rig.send_error, "");
	rig_close(&rig);
	return rig.send_error;
}

/*
 * With a timeout of 100 ms: a GiB of zeros that were not read gives the
 * receiver 4 s more to answer round 1, so that it still waits after a second.
 * On a busy machine one of these may pass, and it is tried again.
 */
static void slow_receiver(void **state)
{
	int ret = -ETIMEDOUT;

	need_own_pagemap();
	for (int i = 0; i < NTRIES && ret == -ETIMEDOUT; i++)
		ret = meet_slow_receiver();
	assert_int_equal(ret, -ECONNRESET);
}

TEST_MAIN(is_not_populated, large_pages, old_content, touched_meanwhile,
	  slow_receiver)
