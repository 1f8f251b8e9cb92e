/* SPDX-License-Identifier: MIT */
/*
 * The cost of a mark through a memory: the read-side section, the search for
 * the region, and the bitmap of one client or none. It measures several builds
 * of the library in one process, sample by sample in turns, on one processor,
 * since the noise between two runs hides tenths of a nanosecond.
 */
#include <dlfcn.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <smudge/client.h>
#include <smudge/memory.h>

#include "bench_clock.h"
#include "bench_program.h"
#include "bench_progress.h"

#define MAX_LIBRARIES 4
#define MAX_SAMPLES   4000
#define NCALLS	      20000
#define NPAGES	      UINT64_C(65536)

struct library {
	const char *path;
	__typeof__(smudge_memory_mark_gpa) *mark_gpa;
	__typeof__(smudge_region_mark) *region_mark;
	struct smudge_memory *memory;
	struct smudge_region *region;
	double samples[MAX_SAMPLES];
};

static void *find(void *handle, const char *name)
{
	void *symbol = dlsym(handle, name);

	if (!symbol) {
		fprintf(stderr, "bench-marks: %s\n", dlerror());
		exit(1);
	}
	return symbol;
}

static void open_library(struct library *lib, const char *path)
{
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.hva = (void *)(UINT64_C(1) << 44), /* never touched */
		.size_bytes = NPAGES << 12,
	};
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	__typeof__(smudge_memory_create) *create;
	__typeof__(smudge_region_add) *add;

	if (!handle) {
		fprintf(stderr, "bench-marks: %s\n", dlerror());
		exit(1);
	}
	lib->path = path;
	lib->mark_gpa = find(handle, "smudge_memory_mark_gpa");
	lib->region_mark = find(handle, "smudge_region_mark");
	create = find(handle, "smudge_memory_create");
	add = find(handle, "smudge_region_add");
	if (create(&lib->memory) ||
	    add(lib->memory, &options, &lib->region, NULL))
		exit(1);
}

static void open_client(struct library *lib)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "bench"};
	void *handle = dlopen(lib->path, RTLD_NOW | RTLD_LOCAL);
	__typeof__(smudge_client_open) *open =
		find(handle, "smudge_client_open");
	struct smudge_client *client;

	if (open(lib->memory, &options, &client, NULL))
		exit(1);
	lib->region_mark(lib->region, 0, NPAGES);
}

/* 257 pages apart, so neither one cache line only nor a pattern of words. */
static double mark_by_gpa(struct library *lib)
{
	uint64_t start_ns = bench_now_ns();

	for (uint64_t i = 0; i < NCALLS; i++)
		lib->mark_gpa(lib->memory, (i * 257 & (NPAGES / 2 - 1)) << 12,
			      8);
	return (double)(bench_now_ns() - start_ns) / NCALLS;
}

static double mark_by_page(struct library *lib)
{
	uint64_t start_ns = bench_now_ns();

	for (uint64_t i = 0; i < NCALLS; i++)
		lib->region_mark(lib->region, i * 257 & (NPAGES / 2 - 1), 1);
	return (double)(bench_now_ns() - start_ns) / NCALLS;
}

static void print_row(const char *what, struct library *lib)
{
	double ns = bench_median(lib->samples, bench_settings.nsamples);
	const char *format =
		bench_settings.is_json
			? "{\"case\": \"%s\", \"ns\": %.2f, "
			  "\"least_ns\": %.2f, \"library\": \"%s\"}\n"
			: "%-28s %6.2f ns median %6.2f ns least  %s\n";

	/* sorted by now */
	printf(format, what, ns, lib->samples[0], lib->path);
	fflush(stdout);
}

static void run(struct library *libs, int n, const char *what,
		double (*sample)(struct library *lib))
{
	unsigned int nsamples = bench_settings.nsamples;

	bench_progress_case("%s", what);
	for (unsigned int k = 0; k < nsamples && !bench_interrupted; k++) {
		bench_progress_sample(k, nsamples);
		for (int i = 0; i < n; i++)
			libs[i].samples[k] = sample(&libs[i]);
	}
	bench_progress_clear();
	for (int i = 0; i < n && !bench_interrupted; i++)
		print_row(what, &libs[i]);
}

static void pin(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static const struct bench_program program = {
	.name = "bench-marks",
	.usage = "usage: bench-marks [options] LIBRARY.so...\n"
		 "  --json        one JSON object per line: case, ns, "
		 "least_ns,\n"
		 "                library\n"
		 "  --full        1601 samples\n"
		 "  --quick       one sample: does it run?\n"
		 "  --samples N   samples per median: 1 to 4000, default 401\n"
		 "  --help        this text\n",
	.nsamples = 401,
	.nsamples_full = 1601,
	.max_samples = MAX_SAMPLES,
};

int main(int argc, char **argv)
{
	static struct library libs[MAX_LIBRARIES];
	int first = bench_begin(&program, argc, argv);
	int n = argc - first;

	if (n < 1 || n > MAX_LIBRARIES) {
		fputs(program.usage, stderr);
		return 2;
	}
	pin();
	for (int i = 0; i < n; i++)
		open_library(&libs[i], argv[first + i]);
	run(libs, n, "by address, no client", mark_by_gpa);
	run(libs, n, "by page, no client", mark_by_page);
	for (int i = 0; i < n; i++)
		open_client(&libs[i]);
	run(libs, n, "by address, page is dirty", mark_by_gpa);
	run(libs, n, "by page, page is dirty", mark_by_page);
	return bench_end();
}
