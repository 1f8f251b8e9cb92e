/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints: what a save and a restore take, also of a stock QEMU and of any
 * process, beside what others do. Folders are on tmpfs, so a disk is not
 * measured.
 */
#include <stdio.h>
#include <string.h>

#include "bench_program.h"
#include "bench_progress.h"
#include "checkpoint.h"

#define ABOVE_A_LIMIT 3 /* exit status */

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{"delta", checkpoint_case_delta},
	{"full", checkpoint_case_full},
	{"chain", checkpoint_case_chain},
	{"prune", checkpoint_case_prune},
	{"merge", checkpoint_case_merge},
	{"guest", checkpoint_case_guest},
	{"idle", checkpoint_case_idle},
	{"lazy", checkpoint_case_lazy},
	{"tracking", checkpoint_case_tracking},
	{"process", checkpoint_case_process},
	{"vm", checkpoint_case_vm},
};
#define NCASES (sizeof(cases) / sizeof(cases[0]))

static const char *only;

static int take_option(int option)
{
	for (size_t i = 0; i < NCASES; i++)
		if (!strcmp(optarg, cases[i].name))
			only = cases[i].name;
	if (only)
		return 0;
	fprintf(stderr, "bench-checkpoint: there is no case \"%s\"\n", optarg);
	return -1;
}

static const struct option options[] = {
	{"case", required_argument, NULL, 'c'},
	{0},
};

static const struct bench_program program = {
	.name = "bench-checkpoint",
	.usage = "usage: bench-checkpoint [options]\n"
		 "  --case NAME   delta, full, chain, prune, merge, guest, "
		 "idle,\n"
		 "                lazy, tracking, process or vm only\n"
		 "  --json        one JSON object per line: case, what, ms,\n"
		 "                baseline, baseline_ms, ratio, must, aim\n"
		 "  --full        as --samples 15\n"
		 "  --quick       one sample of small memories: does it run?\n"
		 "  --samples N   1 to 101, default 5\n"
		 "  --help        this text\n"
		 "Needs up to 11 GiB of memory. Exit status: 3 if a figure is "
		 "above\n"
		 "its limit; one sample is not judged.\n",
	.options = options,
	.take_option = take_option,
	.nsamples = 5,
	.nsamples_full = 15,
	.max_samples = CHECKPOINT_MAX_SAMPLES,
};

int main(int argc, char **argv)
{
	int status;

	bench_begin_only(&program, argc, argv);
	for (size_t i = 0; i < NCASES && !bench_interrupted; i++)
		if (!only || !strcmp(only, cases[i].name))
			cases[i].run();
	status = bench_end();
	return status || !checkpoint_missed() ? status : ABOVE_A_LIMIT;
}
