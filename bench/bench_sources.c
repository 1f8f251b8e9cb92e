/* SPDX-License-Identifier: MIT */
/*
 * What each source costs, beside the bare calls of its mechanism in the same
 * run, and beside two baselines that track nothing: a copy of everything, and
 * fork(2).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_program.h"
#include "bench_progress.h"
#include "sources.h"
#include "sources_print.h"
#include "sources_sample.h"

#define MOST_PAGES    (UINT64_C(1) << 24)
#define ABOVE_A_LIMIT 3 /* exit status */

static const struct sources_mechanism *const mechanisms[] = {
	&sources_uffd,		 &sources_uffd_shared, &sources_process,
	&sources_process_follow,
#ifdef BENCH_GUEST
	&sources_kvm_legacy,	 &sources_kvm_manual,  &sources_kvm_ring,
#endif
	&sources_mprotect,	 &sources_soft_dirty,  &sources_vhost_log,
	&sources_mark,		 &sources_copy,	       &sources_fork,
};
#define NMECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

static const uint64_t dirties[] = {1, 10, 100, 1000, 10000, 100000};
#define NDIRTIES (sizeof(dirties) / sizeof(dirties[0]))

static uint64_t npages; /* of the memory */
static uint64_t only_dirty;
static const char *source = "";

/* A row's samples are too large for the stack. */
static struct sources_row row;

static void measure_row(const struct sources_mechanism *mechanism,
			uint64_t ndirty, void *const *sides)
{
	unsigned int n = bench_settings.nsamples;

	bench_progress_case("%s, %llu pages", mechanism->name,
			    (unsigned long long)ndirty);
	row = (struct sources_row){.mechanism = mechanism,
				   .npages = npages,
				   .ndirty = ndirty,
				   .nsamples = n};
	for (unsigned int i = 0; i < n && !bench_interrupted; i++) {
		bench_progress_sample(i, n);
		sources_sample(&row, sides, i);
	}
	if (!bench_interrupted)
		sources_print_row(&row);
}

static void measure_rows(const struct sources_mechanism *mechanism,
			 void *const *sides)
{
	sources_print_head(mechanism);
	for (size_t i = 0; i < NDIRTIES && !bench_interrupted; i++) {
		uint64_t ndirty = dirties[i];

		if (ndirty <= npages / 2 &&
		    (!only_dirty || only_dirty == ndirty))
			measure_row(mechanism, ndirty, sides);
	}
}

/* Return: false with a sentence, when the machine lacks what a side needs. */
static bool open_sides(const struct sources_mechanism *mechanism,
		       const struct sources_ram *ram, void **sides,
		       struct smudge_error *err)
{
	for (int w = 0; w < SOURCES_NSIDES; w++) {
		const struct sources_side *ops = sources_side_of(mechanism, w);

		if (!ops)
			continue;
		sides[w] = ops->open(ram, err);
		if (!sides[w])
			return false;
	}
	return true;
}

static void close_sides(const struct sources_mechanism *mechanism, void **sides)
{
	for (int w = 0; w < SOURCES_NSIDES; w++) {
		if (sides[w])
			sources_side_of(mechanism, w)->close(sides[w]);
	}
}

static void measure(const struct sources_mechanism *mechanism)
{
	void *sides[SOURCES_NSIDES] = {NULL};
	struct smudge_error err = {0};
	struct sources_ram ram;

	bench_progress_case("start, %s", mechanism->name);
	sources_ram_map(&ram, npages, mechanism->is_shared);
	if (open_sides(mechanism, &ram, sides, &err))
		measure_rows(mechanism, sides);
	else
		sources_print_skip(mechanism, err.message);
	close_sides(mechanism, sides);
	sources_ram_unmap(&ram);
}

static int wrong_option(const char *why)
{
	fprintf(stderr, "bench-sources: %s: %s\n", optarg, why);
	return -1;
}

static int take_dirty(void)
{
	if (bench_number(optarg, 1, dirties[NDIRTIES - 1], &only_dirty))
		return -1;
	for (size_t i = 0; i < NDIRTIES; i++) {
		if (dirties[i] == only_dirty)
			return 0;
	}
	return wrong_option("no row has so many pages");
}

static int take_source(void)
{
	source = optarg;
	for (size_t i = 0; i < NMECHANISMS; i++) {
		if (strstr(mechanisms[i]->name, source))
			return 0;
	}
	return wrong_option("no source has this in its name");
}

static int take_option(int option)
{
	switch (option) {
	case 'p':
		return bench_number(optarg, 64, MOST_PAGES, &npages);
	case 'd':
		return take_dirty();
	default:
		return take_source();
	}
}

static const struct option options[] = {
	{"pages", required_argument, NULL, 'p'},
	{"dirty", required_argument, NULL, 'd'},
	{"source", required_argument, NULL, 'o'},
	{NULL, 0, NULL, 0},
};

static const struct bench_program program = {
	.name = "bench-sources",
	.usage = "usage: bench-sources [options]\n"
		 "  --json         one JSON object per line, with medians,\n"
		 "                 minima and maxima; a summary is the last\n"
		 "  --full         as --samples 31\n"
		 "  --quick        one sample of 4096 pages: does it run?\n"
		 "  --pages N      4 KiB pages of the memory, default 262144;\n"
		 "                 at most half of them are written\n"
		 "  --dirty N      rows of N written pages only: 1, 10, 100,\n"
		 "                 1000, 10000 or 100000\n"
		 "  --source TEXT  sources with this in their name\n"
		 "  --samples N    samples per median: 1 to 101, default 5\n"
		 "  --help         this text\n"
		 "Times are of this thread's processor: per GiB of the\n"
		 "memory, or per page written. adds is library / bare, of the\n"
		 "harvest, and of the take where that re-arms.\n"
		 "Exit status: 3 if the library adds more to a source than it\n"
		 "may; a single sample is not judged.\n",
	.options = options,
	.take_option = take_option,
	.nsamples = 5,
	.nsamples_full = 31,
	.max_samples = SOURCES_MAX_SAMPLES,
};

int main(int argc, char **argv)
{
	unsigned int nmissed;
	int status;

	bench_begin_only(&program, argc, argv);
	if (!npages)
		npages = bench_settings.scope == BENCH_QUICK ? 4096 : 262144;
	for (size_t i = 0; i < NMECHANISMS && !bench_interrupted; i++) {
		if (strstr(mechanisms[i]->name, source))
			measure(mechanisms[i]);
	}
	nmissed = bench_interrupted ? 0 : sources_print_summary();
	status = bench_end();
	return status || !nmissed ? status : ABOVE_A_LIMIT;
}
