/* SPDX-License-Identifier: MIT */
/*
 * Cases over whole maps.
 *
 *	cycle	merge into two clients, take one as runs; the other is taken
 *		untimed. Small maps (below 2^16 pages) are too quick for that:
 *		there both takes are timed, for every contender alike.
 *	cycle-read  the same, and a consumer reads every run
 *	merge	merge into two empty clients
 *	take	take one client as runs
 *	merge-misaligned  a merge of the same bits, from bit 37 on
 *
 * When a merge begins, the kernel has just copied its bitmap to the caller, so
 * the bits are read once before each sample: otherwise they would be in a
 * nearer cache for the contender that runs after another one's merge.
 *
 * Every map begins all dirty and is taken once, as a VMM's map is when the
 * memory is created or a migration begins. In a map that was never written all
 * words are in the kernel's one page of zeros, which is always in the cache.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define SMALL_PAGES    (UINT64_C(1) << 16)
#define MISALIGNED_BIT 37

struct work {
	const uint64_t *bits;
	const uint64_t *all_dirty;
	uint64_t npages;
	unsigned int first_bit;
};

static bool can_cycle(const struct contender *c)
{
	return c->merge && c->take;
}

static bool can_merge(const struct contender *c)
{
	return c->merge;
}

static bool can_merge_misaligned(const struct contender *c)
{
	return c == &contender_smudge || c == &contender_flat_atomic ||
	       c == &contender_bytemap;
}

/* Make all pages dirty, and take them from both clients. */
static void begin_dirty(const struct contender *c, void *map, void *opaque)
{
	const struct work *work = opaque;

	if (!c->take)
		return;
	c->merge(map, work->all_dirty, 0);
	for (unsigned int i = 0; i < BENCH_CLIENTS; i++)
		c->take(map, i);
}

static void read_bits(const struct work *work)
{
	const volatile uint64_t *bits = work->bits;

	for (uint64_t i = 0; i < work->npages / 64; i += 8)
		(void)bits[i];
}

static void empty(const struct contender *c, void *map, void *opaque)
{
	for (unsigned int i = 0; c->take && i < BENCH_CLIENTS; i++)
		c->take(map, i);
	read_bits(opaque);
}

static void merge_untimed(const struct contender *c, void *map, void *opaque)
{
	struct work *work = opaque;

	empty(c, map, opaque);
	c->merge(map, work->bits, work->first_bit);
}

static uint64_t run_cycle(const struct contender *c, void *map, void *opaque)
{
	struct work *work = opaque;

	c->merge(map, work->bits, work->first_bit);
	return c->take(map, 0);
}

static uint64_t run_both(const struct contender *c, void *map, void *opaque)
{
	struct work *work = opaque;
	uint64_t sum;

	c->merge(map, work->bits, work->first_bit);
	sum = c->take(map, 0);
	return sum + c->take(map, 1);
}

static uint64_t run_merge(const struct contender *c, void *map, void *opaque)
{
	struct work *work = opaque;

	c->merge(map, work->bits, work->first_bit);
	return 0;
}

static uint64_t run_take(const struct contender *c, void *map, void *opaque)
{
	return c->take(map, 0);
}

static void large_cases(uint64_t npages, const struct pattern *pattern,
			struct work *work)
{
	struct bench_case bench = {
		.pattern = pattern,
		.npages = npages,
		.opaque = work,
		.start = begin_dirty,
	};

	bench.name = "cycle";
	bench.applies = can_cycle;
	bench.prepare = empty;
	bench.run = run_cycle;
	if (bench_wants_case(bench.name))
		bench_run(&bench);
	bench.name = "cycle-read";
	bench.reads_runs = true;
	if (bench_wants_case(bench.name))
		bench_run(&bench);
	bench.reads_runs = false;
	bench.name = "merge";
	bench.applies = can_merge;
	bench.run = run_merge;
	if (bench_wants_case(bench.name))
		bench_run(&bench);
	bench.name = "take";
	bench.applies = can_cycle;
	bench.prepare = merge_untimed;
	bench.run = run_take;
	if (bench_wants_case(bench.name))
		bench_run(&bench);
	work->first_bit = MISALIGNED_BIT;
	bench.name = "merge-misaligned";
	bench.applies = can_merge_misaligned;
	bench.prepare = empty;
	bench.run = run_merge;
	if (bench_wants_case(bench.name))
		bench_run(&bench);
	work->first_bit = 0;
}

/* Compare smudge's misaligned merge with its aligned one. */
static void compare_alignments(uint64_t npages, const struct pattern *pattern,
			       const uint64_t *bits)
{
	const struct contender *c = &contender_smudge;
	struct bench_case bench = {.name = "merge-misaligned",
				   .npages = npages,
				   .pattern = pattern};
	void *map = c->create(npages);
	struct work work = {.bits = bits, .npages = npages};
	double ns[2][101];

	if (bench_wants_case(bench.name)) {
		for (unsigned int i = 0; i < 2 * bench_settings.nsamples; i++) {
			uint64_t begin;

			empty(c, map, &work);
			begin = bench_now_ns();
			c->merge(map, bits, i % 2 ? MISALIGNED_BIT : 0);
			ns[i % 2][i / 2] = (double)(bench_now_ns() - begin);
		}
		bench_row(&bench, "aligned",
			  bench_median(ns[1], bench_settings.nsamples),
			  bench_median(ns[0], bench_settings.nsamples));
	}
	c->destroy(map);
}

static void small_case(uint64_t npages, const struct pattern *pattern,
		       struct work *work)
{
	struct bench_case bench = {
		.name = "cycle",
		.pattern = pattern,
		.npages = npages,
		.opaque = work,
		.applies = can_cycle,
		.start = begin_dirty,
		.run = run_both,
		.nrepeats = (unsigned int)((UINT64_C(1) << 21) / npages),
	};

	if (npages < 4096)
		bench.nrepeats /= 8;
	if (bench_wants_case(bench.name))
		bench_run(&bench);
	bench.name = "cycle-read";
	bench.reads_runs = true;
	if (bench_wants_case(bench.name))
		bench_run(&bench);
}

static bool is_wanted(const struct pattern *pattern)
{
	const char *only = bench_options.only_pattern;
	char percent[16];

	snprintf(percent, sizeof(percent), "%g", pattern->percent);
	return !only ||
	       strcmp(only, strcmp(pattern->name, "random") ? pattern->name
							    : percent) == 0;
}

static void pattern_cases(uint64_t npages, const struct pattern *pattern,
			  const uint64_t *all_dirty)
{
	uint64_t *bits = bench_pattern_bits(pattern, npages);
	struct work work = {
		.bits = bits, .all_dirty = all_dirty, .npages = npages};

	if (npages < SMALL_PAGES) {
		small_case(npages, pattern, &work);
	} else {
		large_cases(npages, pattern, &work);
		if (!bench_interrupted)
			compare_alignments(npages, pattern, bits);
		if (!bench_interrupted)
			bench_scale_cases(npages, pattern);
	}
	free(bits);
}

void bench_cycle_cases(uint64_t npages)
{
	static const struct pattern all = {"random", 100};
	uint64_t *all_dirty = bench_pattern_bits(&all, npages);

	for (size_t i = 0; i < bench_npatterns && !bench_interrupted; i++) {
		const struct pattern *pattern = &bench_patterns[i];
		bool is_pointless = pattern->percent > 0 &&
				    pattern->percent * (double)npages < 100;

		if (!is_pointless && is_wanted(pattern))
			pattern_cases(npages, pattern, all_dirty);
	}
	free(all_dirty);
}
