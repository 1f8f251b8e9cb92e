/* SPDX-License-Identifier: MIT */
/*
 * lib/code: the cost of a write in pages with and without code, the cost of
 * smudge_code_stale when nothing is stale, and (bench_code_unicorn.c) what is
 * translated again after a DMA, compared with dropping all translations.
 *
 * usage: bench-code [--json]. Times are medians of NSAMPLES, in processor time
 * of this thread, per call.
 */
#include "bench_code_rows.h"

#include <stdio.h>
#include <string.h>

#include <smudge/smudge.h>

#ifdef HAVE_UNICORN
#include "bench_code_unicorn.h"
#endif

#define NSAMPLES 21
#define NCALLS	 20000

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
	bench_code_must(smudge_memory_create(&rig->memory), "memory");
	bench_code_must(
		smudge_region_add(rig->memory, &ram, &rig->region, NULL),
		"region");
	bench_code_must(smudge_code_open(rig->memory, &how, &rig->code, NULL),
			"open");
	for (uint64_t i = 0; i < nwatched; i++)
		bench_code_must(smudge_code_add(rig->code, i * 3 << 12, 20,
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
		bench_code_must(-1, "one page is stale");
	bench_code_must(
		smudge_code_add(rig->code, page << 12, 20, UINT64_MAX, NULL),
		"add");
}

static void call_add_again(struct rig *rig, uint64_t i)
{
	bench_code_must(smudge_code_add(rig->code, i % rig->nwatched * 3 << 12,
					20, UINT64_MAX, NULL),
			"add again");
}

static void call_nothing(struct rig *rig, uint64_t i)
{
	__asm__ volatile("" : : "r"(rig), "r"(i) : "memory");
}

static void measure(const char *what, uint64_t npages, uint64_t nwatched,
		    void (*call)(struct rig *, uint64_t))
{
	double samples[NSAMPLES];
	struct rig rig;
	char name[96];

	start(&rig, npages, nwatched);
	for (int s = 0; s < NSAMPLES; s++) {
		uint64_t began = bench_code_ns();

		for (uint64_t i = 0; i < NCALLS; i++)
			call(&rig, i);
		samples[s] = (double)(bench_code_ns() - began) / NCALLS;
	}
	snprintf(name, sizeof(name), "%s, %llu pages with code in %llu GiB",
		 what, (unsigned long long)nwatched,
		 (unsigned long long)(npages >> 18));
	bench_code_row(name, bench_code_median(samples, NSAMPLES), "ns");
	end(&rig);
}

int main(int argc, char **argv)
{
	const uint64_t gib = UINT64_C(1) << 18;
	const bool is_json = argc == 2 && !strcmp(argv[1], "--json");

	if (argc > 1 + is_json) {
		fputs("usage: bench-code [--json]\n", stderr);
		return 2;
	}
	bench_code_begin(is_json);
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
	bench_code_end();
	return 0;
}
