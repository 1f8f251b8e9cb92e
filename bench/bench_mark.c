/* SPDX-License-Identifier: MIT */
/*
 * Marks: what a device model or an emulator's store path pays, in
 * nanoseconds per call. "dirty" marks pages that are dirty already, all over a
 * map that fits the first-level cache. "clean" walks a clean map, 512 pages
 * from one call to the next, and "sequence" another, without a gap, so every
 * call changes something. mark-2-threads is the dirty mark of one page by two
 * threads in one word's neighbourhood: the time of one thread's call.
 */
#include <pthread.h>
#include <stdio.h>

#include "bench.h"

#define DIRTY_PAGES (UINT64_C(1) << 16)
#define CLEAN_PAGES (UINT64_C(1) << 22)
#define NCALLS	    8192

static bool can_mark(const struct contender *c)
{
	return c->mark && c->take;
}

static void make_dirty(const struct contender *c, void *map, void *opaque)
{
	c->mark(map, 0, DIRTY_PAGES);
}

static void make_clean(const struct contender *c, void *map, void *opaque)
{
	c->take(map, 0);
}

/* 257 pages apart, so neither one cache line only nor a pattern of words. */
static uint64_t run_dirty(const struct contender *c, void *map, void *opaque)
{
	uint64_t npages = *(uint64_t *)opaque;

	for (uint64_t i = 0; i < NCALLS; i++)
		c->mark(map, i * 257 & (DIRTY_PAGES / 2 - 1), npages);
	return 0;
}

static uint64_t run_clean(const struct contender *c, void *map, void *opaque)
{
	uint64_t npages = *(uint64_t *)opaque;

	for (uint64_t i = 0; i < NCALLS; i++)
		c->mark(map, i * (CLEAN_PAGES / NCALLS), npages);
	return 0;
}

static uint64_t run_sequence(const struct contender *c, void *map, void *opaque)
{
	uint64_t npages = *(uint64_t *)opaque;

	for (uint64_t i = 0; i < NCALLS; i++)
		c->mark(map, i * npages, npages);
	return 0;
}

struct thread_work {
	const struct contender *contender;
	void *map;
	uint64_t first;
};

static void *mark_thread(void *opaque)
{
	struct thread_work *work = opaque;

	for (uint64_t i = 0; i < 64 * NCALLS; i++)
		work->contender->mark(work->map, work->first + i % 16 * 2, 1);
	return NULL;
}

static uint64_t run_threads(const struct contender *c, void *map, void *opaque)
{
	struct thread_work other = {c, map, 1}, own = {c, map, 0};
	pthread_t thread;

	if (pthread_create(&thread, NULL, mark_thread, &other))
		return 1;
	mark_thread(&own);
	pthread_join(thread, NULL);
	return 0;
}

static void mark_cases(uint64_t npages)
{
	static const struct pattern dirty = {"dirty", 100};
	static const struct pattern clean = {"clean", 0};
	static const struct pattern sequence = {"sequence", 0};
	char name[32];
	struct bench_case bench = {
		.name = name,
		.npages = DIRTY_PAGES,
		.pattern = &dirty,
		.applies = can_mark,
		.start = make_dirty,
		.run = run_dirty,
		.opaque = &npages,
		.divisor = NCALLS,
	};

	snprintf(name, sizeof(name), "mark-%u", (unsigned int)npages);
	if (!bench_wants_case(name) && !bench_wants_case("mark"))
		return;
	bench_run(&bench);
	bench.npages = CLEAN_PAGES;
	bench.pattern = &clean;
	bench.start = NULL;
	bench.prepare = make_clean;
	bench.run = run_clean;
	bench_run(&bench);
	bench.pattern = &sequence;
	bench.run = run_sequence;
	bench_run(&bench);
}

void bench_mark_cases(void)
{
	static const struct pattern dirty = {"dirty", 100};
	static const uint64_t lengths[] = {1, 64, 256};

	for (int i = 0; i < 3 && !bench_interrupted; i++)
		mark_cases(lengths[i]);
	if (bench_wants_case("mark-2-threads") && !bench_interrupted)
		bench_run(&(struct bench_case){
			.name = "mark-2-threads",
			.npages = DIRTY_PAGES,
			.pattern = &dirty,
			.applies = can_mark,
			.start = make_dirty,
			.run = run_threads,
			.divisor = 64 * NCALLS,
		});
}
