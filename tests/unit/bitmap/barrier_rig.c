/* SPDX-License-Identifier: MIT */
/*
 * The two threads, and the library's barriers as a test wants them.
 */
#include "barrier_rig.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/barrier.h"
#include "sys/clock.h"

#define MAX_NS UINT64_C(2000000000)

bool __real_smi_sys_barrier(void);
bool __real_smi_sys_barrier_slow(void);
bool __wrap_smi_sys_barrier(void);
bool __wrap_smi_sys_barrier_slow(void);

enum barrier_answer barrier_fast, barrier_slow;

bool __wrap_smi_sys_barrier(void)
{
	if (barrier_fast == BARRIER_REAL)
		return __real_smi_sys_barrier();
	if (barrier_fast == BARRIER_SHOOTDOWN)
		return smi_sys_barrier_shootdown();
	if (barrier_fast == BARRIER_WALK)
		return smi_sys_barrier_walk();
	return barrier_fast != BARRIER_REFUSED;
}

bool __wrap_smi_sys_barrier_slow(void)
{
	if (barrier_slow == BARRIER_REAL)
		return __real_smi_sys_barrier_slow();
	return barrier_slow == BARRIER_LEFT_OUT;
}

static void mark_all(struct barrier_rig *rig, uint32_t round)
{
	struct smudge_bitmap *bitmap = rig->bitmaps[round % rig->nbitmaps];

	smudge_bitmap_mark_range(bitmap, 0, RIG_PAGES);
	for (uint64_t page = 0; page < RIG_PAGES; page++) {
		atomic_store_explicit(&rig->page[page].content, round,
				      memory_order_relaxed);
		smudge_bitmap_mark(bitmap, page);
	}
}

static void *marker_main(void *opaque)
{
	struct barrier_rig *rig = opaque;
	uint32_t begun, round = 0;

	test_pin_to(rig->pin.other);
	while (round != UINT32_MAX) {
		unsigned int tries = 0;

		/* acquire, release: pair with the owner's, in a round */
		do {
			if (++tries % 1000 == 0)
				sched_yield();
			begun = atomic_load_explicit(&rig->begun,
						     memory_order_acquire);
		} while (begun == round);
		round = begun;
		if (round != UINT32_MAX)
			mark_all(rig, round);
		atomic_store_explicit(&rig->done, round, memory_order_release);
	}
	return NULL;
}

bool barrier_rig_start(struct barrier_rig *rig, uint32_t nbitmaps)
{
	rig->nbitmaps = nbitmaps;
	rig->rng = test_rng_start("barrier_rig");
	rig->bitmaps = calloc(nbitmaps, sizeof(struct smudge_bitmap *));
	if (!rig->bitmaps || smudge_batch_create(0, &rig->batch, NULL))
		return false;
	for (uint32_t i = 0; i < nbitmaps; i++) {
		if (smudge_bitmap_create(RIG_PAGES, &rig->bitmaps[i], NULL))
			return false;
		/* All memory there is, as in a map that has been used. */
		smudge_bitmap_mark(rig->bitmaps[i], 0);
		smudge_bitmap_take(rig->bitmaps[i], 0, RIG_PAGES, rig->batch);
		smudge_batch_discard(rig->batch);
	}
	return test_pin_apart(&rig->pin) &&
	       pthread_create(&rig->marker, NULL, marker_main, rig) == 0;
}

void barrier_rig_stop(struct barrier_rig *rig)
{
	atomic_store_explicit(&rig->begun, UINT32_MAX, memory_order_release);
	pthread_join(rig->marker, NULL);
	test_unpin(&rig->pin);
	for (uint32_t i = 0; i < rig->nbitmaps; i++)
		smudge_bitmap_destroy(rig->bitmaps[i]);
	smudge_batch_destroy(rig->batch);
	free(rig->bitmaps);
}

/* The page stored to last is read first: its store is the latest to come. */
static void take_and_copy(struct barrier_rig *rig)
{
	smudge_bitmap_take(rig->bitmaps[rig->round % rig->nbitmaps], 0,
			   RIG_PAGES, rig->batch);
	for (size_t i = 0; i < smudge_batch_nruns(rig->batch); i++) {
		struct smudge_run run = smudge_batch_run(rig->batch, i);

		for (uint64_t n = run.npages; n--;)
			rig->copied[run.first_page + n] = atomic_load_explicit(
				&rig->page[run.first_page + n].content,
				memory_order_relaxed);
	}
	smudge_batch_discard(rig->batch);
}

static bool is_done(struct barrier_rig *rig)
{
	return atomic_load_explicit(&rig->done, memory_order_acquire) ==
	       rig->round;
}

/* Now the marker is at work, and stores behind that one are on their way. */
static void wait_for_page(struct barrier_rig *rig, uint64_t page)
{
	for (unsigned int tries = 1;
	     atomic_load_explicit(&rig->page[page].content,
				  memory_order_relaxed) != rig->round;
	     tries++) {
		if (tries % 1000 == 0)
			sched_yield();
	}
}

static void one_round(struct barrier_rig *rig, bool takes_all_the_time)
{
	rig->round++;
	for (uint64_t page = 0; page < RIG_PAGES; page++)
		(void)atomic_load_explicit(&rig->page[page].content,
					   memory_order_relaxed);
	atomic_store_explicit(&rig->begun, rig->round, memory_order_release);
	wait_for_page(rig, test_rng_below(&rig->rng, RIG_PAGES));
	do {
		take_and_copy(rig);
	} while (takes_all_the_time && !is_done(rig));
	for (unsigned int tries = 1; !is_done(rig); tries++) {
		if (tries % 1000 == 0)
			sched_yield();
	}
	take_and_copy(rig);
	for (uint64_t page = 0; page < RIG_PAGES; page++)
		rig->nlost += rig->copied[page] != rig->round;
}

uint64_t barrier_rig_run(struct barrier_rig *rig, bool takes_all_the_time,
			 uint32_t nrounds)
{
	uint64_t until_ns = smi_sys_now_ns() + MAX_NS;

	for (uint32_t i = 0; i < nrounds && smi_sys_now_ns() < until_ns; i++)
		one_round(rig, takes_all_the_time);
	return rig->nlost;
}

void barrier_need_two_processors(void)
{
	struct test_pin pin;

	if (!test_pin_apart(&pin))
		test_skip_without("two processors", "there is only one");
	test_unpin(&pin);
}

/* Return: pages lost, in rounds with these answers. */
static uint64_t lose(enum barrier_answer fast, enum barrier_answer slow,
		     bool takes_all_the_time)
{
	static struct barrier_rig rig;

	memset(&rig, 0, sizeof(rig));
	barrier_need_two_processors();
	assert_true(barrier_rig_start(&rig, BARRIER_ROUNDS));
	barrier_fast = fast;
	barrier_slow = slow;
	barrier_rig_run(&rig, takes_all_the_time, BARRIER_ROUNDS);
	barrier_fast = barrier_slow = BARRIER_REAL;
	barrier_rig_stop(&rig);
	return rig.nlost;
}

void barrier_need_losses(enum barrier_answer fast, enum barrier_answer slow,
			 bool takes_all_the_time)
{
	uint64_t nlost, until_ns = smi_sys_now_ns() + 2 * MAX_NS;

	do {
		nlost = lose(fast, slow, takes_all_the_time);
	} while (!nlost && smi_sys_now_ns() < until_ns);
	if (!nlost)
		test_skip_without("stores in flight",
				  "nothing is lost without the barrier either");
	fprintf(stderr, "# without the barrier %llu writes are lost\n",
		(unsigned long long)nlost);
}

bool barrier_rig_keeps(enum barrier_answer fast)
{
	return lose(fast, BARRIER_REFUSED, true) == 0;
}
