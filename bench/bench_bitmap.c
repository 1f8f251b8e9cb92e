/* SPDX-License-Identifier: MIT */
/*
 * bench-bitmap: the dirty bitmap and its baselines. Options, sizes, and one
 * more process per lesser vector variant, since a process chooses its variant
 * once.
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/bitmap.h>

#include "bench.h"

extern char **environ;

struct options bench_options;
static bool all_variants = true;

static const char usage[] =
	"usage: bench-bitmap [options]\n"
	"  --json            one JSON object per line: case, pages, dirty\n"
	"                    (percent), pattern, variant, ns, baseline,\n"
	"                    baseline_ns, ratio (baseline_ns / ns); case\n"
	"                    memory has state and bytes instead\n"
	"  --full            all sizes, up to 2^28 pages (1 TiB): an hour\n"
	"  --quick           one sample of small maps: does it run?\n"
	"  --pages N         one size: a power of two from 64\n"
	"  --samples N       samples per median: 1 to 100, default 9\n"
	"  --case NAME       cycle, cycle-read, merge, take,\n"
	"                    merge-misaligned, fold-16, fold-512, expand-16,\n"
	"                    expand-512, the same with -misaligned, mark,\n"
	"                    mark-2-threads, next-dirty, next-clean, fill,\n"
	"                    fill-take, memory\n"
	"  --baseline NAME   flat-atomic, bytemap, flat-ranges,\n"
	"                    reset-every-word, roaring, vector-read\n"
	"  --pattern NAME    alternating, clusters, or percent of random\n"
	"                    pages: 0, 0.001, 0.01, 0.1, 1, 3, 10, 50, 99,\n"
	"                    99.99, 100\n"
	"  --one-variant     do not run the lesser vector variants as well\n"
	"  --help            this text\n";

static const struct option options[] = {
	{"pages", required_argument, NULL, 'p'},
	{"case", required_argument, NULL, 'c'},
	{"baseline", required_argument, NULL, 'b'},
	{"pattern", required_argument, NULL, 'P'},
	{"one-variant", no_argument, NULL, '1'},
	{NULL, 0, NULL, 0},
};

/* Return: 0, or -1 if the usage is wrong. */
static int take_option(int option)
{
	uint64_t value;

	switch (option) {
	case 'p':
		if (bench_number(optarg, 64, UINT64_C(1) << 32, &value))
			return -1;
		bench_options.npages = value & ~UINT64_C(63);
		return 0;
	case 'c':
		bench_options.only_case = optarg;
		return 0;
	case 'b':
		bench_options.only_baseline = optarg;
		return 0;
	case 'P':
		bench_options.only_pattern = optarg;
		return 0;
	default:
		all_variants = false;
		return 0;
	}
}

static const struct bench_program program = {
	.name = "bench-bitmap",
	.usage = usage,
	.options = options,
	.take_option = take_option,
	.nsamples = 9,
	.max_samples = 100,
};

static void run_size(uint64_t npages)
{
	if (!bench_interrupted)
		bench_cycle_cases(npages);
	if (!bench_interrupted && npages >= UINT64_C(1) << 16)
		bench_query_cases(npages);
}

/* Of the largest map: for all cases; of the memory that a map holds. */
static const struct {
	unsigned int largest_shift, memory_shift;
} sizes[] = {
	[BENCH_QUICK] = {16, 16},
	[BENCH_USUAL] = {20, 28},
	[BENCH_FULL] = {28, 28},
};

static uint64_t pages_or(unsigned int shift)
{
	return bench_options.npages ? bench_options.npages
				    : UINT64_C(1) << shift;
}

/* A map beyond the caches, for its main case only. */
static void run_beyond_caches(void)
{
	const char *only = bench_options.only_case;

	if (bench_interrupted || !bench_wants_case("cycle"))
		return;
	bench_options.only_case = "cycle";
	bench_cycle_cases(UINT64_C(1) << 24);
	bench_options.only_case = only;
}

static void run_sizes(void)
{
	static const unsigned int shifts[] = {6, 8, 10, 12, 16, 20, 24, 28};
	enum bench_scope scope = bench_settings.scope;

	for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++)
		if (shifts[i] <= sizes[scope].largest_shift)
			run_size(UINT64_C(1) << shifts[i]);
	if (scope == BENCH_USUAL)
		run_beyond_caches();
}

static void run_all(void)
{
	if (bench_options.npages)
		run_size(bench_options.npages);
	else
		run_sizes();
	bench_mark_cases();
	if (!bench_interrupted)
		bench_memory_cases(
			pages_or(sizes[bench_settings.scope].memory_shift));
}

static int wait_for(pid_t child)
{
	bool is_told = false;
	int status = 0;

	while (waitpid(child, &status, WNOHANG) == 0) {
		/* a Ctrl-C reaches it too, but not a signal to this process */
		if (bench_interrupted && !is_told)
			kill(child, SIGTERM);
		is_told = bench_interrupted;
		usleep(10000);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Run the cycle against flat-atomic once more, with another variant. */
static int run_variant(const char *program_path, const char *variant)
{
	char pages[32], samples[32];
	char *argv[12];
	int argc = 0;
	pid_t child;

	snprintf(pages, sizeof(pages), "--pages=%llu",
		 (unsigned long long)pages_or(
			 sizes[bench_settings.scope].largest_shift));
	snprintf(samples, sizeof(samples), "--samples=%u",
		 bench_settings.nsamples);
	argv[argc++] = (char *)program_path;
	argv[argc++] = (char *)"--one-variant";
	argv[argc++] = (char *)"--case=cycle";
	argv[argc++] = (char *)"--baseline=flat-atomic";
	argv[argc++] = pages;
	argv[argc++] = samples;
	if (bench_settings.is_json)
		argv[argc++] = (char *)"--json";
	argv[argc] = NULL;
	setenv("SMUDGE_BITMAP_VARIANT", variant, 1);
	if (posix_spawn(&child, program_path, NULL, NULL, argv, environ))
		return 1;
	return wait_for(child);
}

static int run_lesser_variants(void)
{
	static const char *const order[] = {"avx512", "avx2", "scalar"};
	const char *best = smudge_bitmap_variant();
	bool is_lesser = strcmp(best, "neon") == 0;
	int status = 0;

	for (int i = 0; i < 3 && !bench_interrupted; i++) {
		if (is_lesser && (i == 2 || best[0] == 'a'))
			status |= run_variant("/proc/self/exe", order[i]);
		if (strcmp(order[i], best) == 0)
			is_lesser = true;
	}
	return status;
}

int main(int argc, char **argv)
{
	int status = 0, end;

	bench_begin_only(&program, argc, argv);
	bench_header();
	run_all();
	if (all_variants && bench_wants_case("cycle") && !bench_interrupted)
		status = run_lesser_variants();
	end = bench_end();
	return end ? end : status;
}
