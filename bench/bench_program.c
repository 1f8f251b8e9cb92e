/* SPDX-License-Identifier: MIT */
/*
 * The options of all benchmarks, and their end.
 */
#include "bench_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_progress.h"

#define MAX_OPTIONS 16

static const struct option common_options[] = {
	{"json", no_argument, NULL, 'j'},
	{"quick", no_argument, NULL, 'q'},
	{"full", no_argument, NULL, 'f'},
	{"samples", required_argument, NULL, 's'},
	{"help", no_argument, NULL, 'h'},
};
#define NCOMMON (sizeof(common_options) / sizeof(common_options[0]))

struct bench_settings bench_settings = {.scope = BENCH_USUAL};
volatile sig_atomic_t bench_interrupted;

static const struct bench_program *program;

static void on_signal(int number)
{
	bench_interrupted = number;
}

int bench_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (*end || end == text || value < low || value > high) {
		fprintf(stderr, "%s: %s is not from %llu to %llu\n",
			program->name, text, (unsigned long long)low,
			(unsigned long long)high);
		return -1;
	}
	*ret = value;
	return 0;
}

void bench_must(int ret, const char *what)
{
	if (ret >= 0)
		return;
	bench_progress_clear();
	fprintf(stderr, "%s: %s: %s\n", program->name, what, strerror(-ret));
	exit(1);
}

/* Return: 0, or -1 if the usage is wrong. */
static int take_option(int option)
{
	uint64_t value;

	switch (option) {
	case 'j':
		bench_settings.is_json = true;
		return 0;
	case 'q':
		bench_settings.scope = BENCH_QUICK;
		return 0;
	case 'f':
		bench_settings.scope = BENCH_FULL;
		return 0;
	case 's':
		if (bench_number(optarg, 1, program->max_samples, &value))
			return -1;
		bench_settings.nsamples = (unsigned int)value;
		return 0;
	case 'h':
		fputs(program->usage, stdout);
		exit(0);
	default:
		return option == '?' || !program->take_option
			       ? -1
			       : program->take_option(option);
	}
}

static unsigned int usual_samples(void)
{
	if (bench_settings.scope == BENCH_QUICK)
		return 1;
	if (bench_settings.scope == BENCH_FULL && program->nsamples_full)
		return program->nsamples_full;
	return program->nsamples;
}

static _Noreturn void wrong_usage(void)
{
	fputs(program->usage, stderr);
	exit(2);
}

int bench_begin(const struct bench_program *of, int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal,
				   .sa_flags = (int)SA_RESETHAND};
	struct option options[MAX_OPTIONS] = {{NULL, 0, NULL, 0}};
	size_t nown = 0;
	int option;

	program = of;
	while (of->options && of->options[nown].name)
		nown++;
	memcpy(options, common_options, sizeof(common_options));
	if (nown && nown < MAX_OPTIONS - NCOMMON)
		memcpy(options + NCOMMON, of->options,
		       nown * sizeof(options[0]));
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (take_option(option))
			wrong_usage();
	}
	if (!bench_settings.nsamples)
		bench_settings.nsamples = usual_samples();
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	bench_progress_begin(of->name);
	return optind;
}

void bench_begin_only(const struct bench_program *of, int argc, char **argv)
{
	if (bench_begin(of, argc, argv) < argc)
		wrong_usage();
}

int bench_end(void)
{
	bench_progress_clear();
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "%s: the results cannot be written\n",
			program->name);
		return 1;
	}
	return bench_interrupted ? 128 + bench_interrupted : 0;
}
