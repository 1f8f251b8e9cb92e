/* SPDX-License-Identifier: MIT */
/*
 * lib/code: the cost of a write in pages with and without code, the cost of
 * smudge_code_stale when nothing is stale, and (bench_code_unicorn.c) what is
 * translated again after a DMA, compared with dropping all translations.
 *
 * Times are medians, in processor time of this thread, per call.
 */
#include <stdio.h>
#include <string.h>

#include <smudge/smudge.h>

#include "bench_clock.h"
#include "bench_program.h"
#include "bench_progress.h"
#include "bench_values.h"

#ifdef HAVE_UNICORN
#include "bench_code_unicorn.h"
#endif

#define MAX_SAMPLES 1000
#define NCALLS	    20000

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_code *code;
	uint64_t npages, nwatched;
};

/* Every third page from the start has a block, so no two are neighbours. */
static void start(struct rig *rig, uint64_t npages, uint64_t nwatched)
{
	struct smudge_region_options ram = {
		.size = sizeof(ram),
		.name = "ram",
		.hva = (void *)(UINT64_C(1) << 44), /* never touched */
		.size_bytes = npages << 12,
	};
	struct smudge_code_options how = {.size = sizeof(how),
					  .marks_only = true};

	*rig = (struct rig){.npages = npages, .nwatched = nwatched};
	bench_must(smudge_memory_create(&rig->memory), "memory");
	bench_must(smudge_region_add(rig->memory, &ram, &rig->region, NULL),
		   "region");
	bench_must(smudge_code_open(rig->memory, &how, &rig->code, NULL),
		   "open");
	for (uint64_t i = 0; i < nwatched; i++)
		bench_must(smudge_code_add(rig->code, i * 3 << 12, 20,
					   UINT64_MAX, NULL),
			   "add");
}

static void end(struct rig *rig)
{
	smudge_code_close(rig->code);
	smudge_memory_destroy(rig->memory, NULL);
}

static size_t ask(struct rig *rig)
{
	struct smudge_code_range ranges[16];

	return smudge_code_stale(rig->code, ranges, 16);
}

/* A page without code that is marked already. */
static void call_unwatched(struct rig *rig, uint64_t i)
{
	smudge_region_mark(rig->region, i % 1000 * 3 + 1, 1);
}

/* The same with smudge_code_stale after each write, as after each DMA. */
static void call_unwatched_ask(struct rig *rig, uint64_t i)
{
	smudge_region_mark(rig->region, i % 1000 * 3 + 1, 1);
	ask(rig);
}

static void call_ask(struct rig *rig, uint64_t i)
{
	(void)i;
	ask(rig);
}

/* A write to code: the block is found, dropped, translated and added again. */
static void call_watched(struct rig *rig, uint64_t i)
{
	uint64_t page = i % rig->nwatched * 3;

	smudge_region_mark(rig->region, page, 1);
	if (ask(rig) != 1)
		bench_must(-1, "one page is stale");
	bench_must(smudge_code_add(rig->code, page << 12, 20, UINT64_MAX, NULL),
		   "add");
}

static void call_add_again(struct rig *rig, uint64_t i)
{
	bench_must(smudge_code_add(rig->code, i % rig->nwatched * 3 << 12, 20,
				   UINT64_MAX, NULL),
		   "add again");
}

static void call_nothing(struct rig *rig, uint64_t i)
{
	__asm__ volatile("" : : "r"(rig), "r"(i) : "memory");
}

static double one_sample(struct rig *rig, void (*call)(struct rig *, uint64_t))
{
	uint64_t began = bench_now_ns();

	for (uint64_t i = 0; i < NCALLS; i++)
		call(rig, i);
	return (double)(bench_now_ns() - began) / NCALLS;
}

static void measure(const char *what, uint64_t npages, uint64_t nwatched,
		    void (*call)(struct rig *, uint64_t))
{
	unsigned int nsamples = bench_settings.nsamples;
	double samples[MAX_SAMPLES];
	struct rig rig;
	char name[96];

	if (bench_interrupted)
		return;
	snprintf(name, sizeof(name), "%s, %llu pages with code in %llu GiB",
		 what, (unsigned long long)nwatched,
		 (unsigned long long)(npages >> 18));
	bench_progress_case("%s", name);
	start(&rig, npages, nwatched);
	for (unsigned int s = 0; s < nsamples && !bench_interrupted; s++) {
		bench_progress_sample(s, nsamples);
		samples[s] = one_sample(&rig, call);
	}
	if (!bench_interrupted)
		bench_value(name, bench_median(samples, nsamples), "ns");
	end(&rig);
}

static const struct bench_program program = {
	.name = "bench-code",
	.usage = "usage: bench-code [options]\n"
		 "  --json        one JSON array: case, value, unit\n"
		 "  --full        101 samples\n"
		 "  --quick       one sample: does it run?\n"
		 "  --samples N   samples per median: 1 to 1000, default 21\n"
		 "  --help        this text\n",
	.nsamples = 21,
	.nsamples_full = 101,
	.max_samples = MAX_SAMPLES,
};

int main(int argc, char **argv)
{
	const uint64_t gib = UINT64_C(1) << 18;

	bench_begin_only(&program, argc, argv);
	bench_values_begin();
	measure("an empty call", gib, 1000, call_nothing);
	measure("write to memory that nobody watches", gib, 0, call_unwatched);
	measure("write to a page without code", gib, 1000, call_unwatched);
	measure("write to a page without code, ask", gib, 1000,
		call_unwatched_ask);
	measure("write to code, ask, add again", gib, 1000, call_watched);
	measure("add in a watched page", gib, 1000, call_add_again);
	measure("ask, nothing is stale", gib, 1, call_ask);
	measure("ask, nothing is stale", gib, 1000, call_ask);
	measure("ask, nothing is stale", gib, 20000, call_ask);
	measure("ask, nothing is stale", 1024 * gib, 1000, call_ask);
#ifdef HAVE_UNICORN
	bench_code_unicorn();
#endif
	bench_values_end();
	return bench_end();
}
