/* SPDX-License-Identifier: MIT */
/*
 * bench-bitmap: the dirty bitmap and its baselines. Options, sizes, and one
 * more process per lesser vector variant, since a process chooses its variant
 * once.
 */
#include <getopt.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <smudge/bitmap.h>

#include "bench.h"

extern char **environ;

struct options bench_options = {.nsamples = 9};
volatile sig_atomic_t bench_interrupted;

static const char usage[] =
	"usage: bench-bitmap [options]\n"
	"  --json            one JSON object per line: case, pages, dirty\n"
	"                    (percent), pattern, variant, ns, baseline,\n"
	"                    baseline_ns, ratio (baseline_ns / ns); case\n"
	"                    memory has state and bytes instead\n"
	"  --quick           3 samples, no map above 2^20 pages\n"
	"  --pages N         one size: a power of two from 64 (2^28 is 1 TiB)\n"
	"  --samples N       samples per median: 1 to 100, default 9\n"
	"  --case NAME       cycle, cycle-read, merge, take,\n"
	"                    merge-misaligned, mark, mark-2-threads,\n"
	"                    next-dirty, next-clean, fill, fill-take, memory\n"
	"  --baseline NAME   flat-atomic, bytemap, flat-ranges,\n"
	"                    reset-every-word, roaring, vector-read\n"
	"  --pattern NAME    alternating, clusters, or percent of random\n"
	"                    pages: 0, 0.001, 0.01, 0.1, 1, 3, 10, 50, 100\n"
	"  --one-variant     do not run the lesser vector variants as well\n"
	"  --help            this text\n";

static void on_interrupt(int number)
{
	bench_interrupted = 1;
}

static int parse_number(const char *text, uint64_t low, uint64_t high,
			uint64_t *ret)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (*end || end == text || value < low || value > high) {
		fprintf(stderr, "bench-bitmap: %s is not from %llu to %llu\n",
			text, (unsigned long long)low,
			(unsigned long long)high);
		return -1;
	}
	*ret = value;
	return 0;
}

/* Return: 0, or -1 if the usage is wrong. */
static int parse_option(int option, bool *all_variants)
{
	uint64_t value;

	switch (option) {
	case 'j':
		bench_options.is_json = true;
		return 0;
	case 'q':
		bench_options.is_quick = true;
		bench_options.nsamples = 3;
		return 0;
	case 'p':
		if (parse_number(optarg, 64, UINT64_C(1) << 32, &value))
			return -1;
		bench_options.npages = value & ~UINT64_C(63);
		return 0;
	case 's':
		if (parse_number(optarg, 1, 100, &value))
			return -1;
		bench_options.nsamples = (unsigned int)value;
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
	case '1':
		*all_variants = false;
		return 0;
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		return -1;
	}
}

static int parse_options(int argc, char **argv, bool *all_variants)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"quick", no_argument, NULL, 'q'},
		{"pages", required_argument, NULL, 'p'},
		{"samples", required_argument, NULL, 's'},
		{"case", required_argument, NULL, 'c'},
		{"baseline", required_argument, NULL, 'b'},
		{"pattern", required_argument, NULL, 'P'},
		{"one-variant", no_argument, NULL, '1'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (parse_option(option, all_variants))
			return -1;
	return optind < argc ? -1 : 0;
}

static void run_size(uint64_t npages)
{
	if (!bench_interrupted)
		bench_cycle_cases(npages);
	if (!bench_interrupted && npages >= UINT64_C(1) << 16)
		bench_query_cases(npages);
}

static void run_all(void)
{
	static const unsigned int shifts[] = {6, 8, 10, 14, 18, 20, 28};

	if (bench_options.npages) {
		run_size(bench_options.npages);
	} else {
		for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++)
			if (shifts[i] <= 20 || !bench_options.is_quick)
				run_size(UINT64_C(1) << shifts[i]);
	}
	bench_mark_cases();
	if (!bench_interrupted)
		bench_memory_cases(bench_options.npages ? bench_options.npages
				   : bench_options.is_quick
					   ? UINT64_C(1) << 20
					   : UINT64_C(1) << 28);
}

/* Run the cycle against flat-atomic once more, with another variant. */
static int run_variant(const char *program, const char *variant)
{
	char pages[32], samples[32];
	char *argv[12];
	int argc = 0, status = 0;
	pid_t child;

	snprintf(pages, sizeof(pages), "--pages=%llu",
		 (unsigned long long)(bench_options.npages
					      ? bench_options.npages
				      : bench_options.is_quick ? 1 << 20
							       : 1 << 28));
	snprintf(samples, sizeof(samples), "--samples=%u",
		 bench_options.nsamples);
	argv[argc++] = (char *)program;
	argv[argc++] = (char *)"--one-variant";
	argv[argc++] = (char *)"--case=cycle";
	argv[argc++] = (char *)"--baseline=flat-atomic";
	argv[argc++] = pages;
	argv[argc++] = samples;
	if (bench_options.is_json)
		argv[argc++] = (char *)"--json";
	argv[argc] = NULL;
	setenv("SMUDGE_BITMAP_VARIANT", variant, 1);
	if (posix_spawn(&child, program, NULL, NULL, argv, environ))
		return 1;
	while (waitpid(child, &status, 0) < 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
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
	struct sigaction action = {.sa_handler = on_interrupt};
	bool all_variants = true;
	int status = 0;

	if (parse_options(argc, argv, &all_variants)) {
		fputs(usage, stderr);
		return 2;
	}
	sigaction(SIGINT, &action, NULL);
	bench_header();
	run_all();
	if (all_variants && bench_wants_case("cycle") && !bench_interrupted)
		status = run_lesser_variants();
	bench_progress("");
	return bench_interrupted ? 130 : status;
}
