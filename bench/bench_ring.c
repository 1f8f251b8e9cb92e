/* SPDX-License-Identifier: MIT */
/*
 * What a harvest costs that finds a few pages in a small and in a large guest:
 * with KVM's dirty rings, and with KVM's log. The guest's vCPU writes the
 * pages. Guests are measured in turns, sample by sample, and the median is
 * printed.
 *
 * "near": one page in every 2 MiB from the start, the same pages in each
 * guest. "spread": as far apart as the guest is large.
 */
#include <stdio.h>
#include <stdlib.h>

#include <smudge/smudge.h>

#include "bench_clock.h"
#include "bench_guest_source.h"
#include "bench_program.h"
#include "bench_progress.h"

#define MAX_SAMPLES 1001
#define CANNOT	    77 /* exit status: the machine lacks it */
#define NEAR_STRIDE 512
#define GIB_PAGES   262144

static const struct setup {
	const char *name;
	uint64_t ngib;
	bool has_ring;
} setups[] = {
	{"rings, 2 GiB", 2, true},
	{"rings, 64 GiB", 64, true},
	{"log, 2 GiB", 2, false},
	{"log, 64 GiB", 64, false},
};
#define NSETUPS (sizeof(setups) / sizeof(setups[0]))

enum pattern {
	NEAR,
	SPREAD,
	NPATTERNS
};
static const char *const pattern_names[NPATTERNS] = {"near", "spread"};

struct entry {
	struct bench_guest_source of;
	bool is_open;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client;
	uint64_t npages; /* of its memory */
	uint64_t found;	 /* by the last harvest */
	/* A harvest, and the take of what it found. */
	double harvest_us[NPATTERNS][MAX_SAMPLES];
	double take_us[NPATTERNS][MAX_SAMPLES];
};

static uint64_t ndirty = 1000;

static _Noreturn void die(int status, const char *what)
{
	bench_progress_clear();
	fprintf(stderr, "bench-ring: %s\n", what);
	exit(status);
}

static void open_entry(struct entry *e, const struct setup *setup)
{
	struct smudge_region_options region = {
		.size = sizeof(region), .name = "ram", .gpa = BENCH_GUEST_GPA};
	struct smudge_client_options client = {.size = sizeof(client),
					       .name = "bench"};
	struct smudge_error err = {0};

	e->npages = setup->ngib * GIB_PAGES;
	e->of.has_ring = setup->has_ring;
	if (bench_guest_source_open(&e->of, NULL, e->npages * BENCH_GUEST_PAGE,
				    &err) < 0)
		die(CANNOT, err.message);
	e->is_open = true;
	region.hva = e->of.guest.ram;
	region.size_bytes = e->of.guest.ram_bytes;
	bench_must(smudge_memory_create(&e->memory), "a memory");
	if (smudge_region_add(e->memory, &region, &e->region, &err) < 0 ||
	    smudge_region_attach(e->region, e->of.source, 0, 0, &err) < 0 ||
	    smudge_client_open(e->memory, &client, &e->client, &err) < 0 ||
	    smudge_client_skip(e->client, e->region, 0, e->npages, &err) < 0)
		die(1, err.message);
}

static void close_entry(struct entry *e)
{
	smudge_client_close(e->client);
	bench_guest_source_close(&e->of);
	bench_must(smudge_memory_destroy(e->memory, NULL), "the memory's end");
}

static void harvest(struct entry *e)
{
	struct smudge_error err = {0};

	if (smudge_region_harvest(e->region, &err) < 0)
		die(1, err.message);
}

static void take(struct entry *e)
{
	struct smudge_error err = {0};

	if (smudge_client_skip(e->client, e->region, 0, e->npages, &err) < 0)
		die(1, err.message);
}

static double us_of(void (*what)(struct entry *e), struct entry *e)
{
	uint64_t begin = bench_now_ns();

	what(e);
	return (double)(bench_now_ns() - begin) / 1000;
}

static void sample(struct entry *e, enum pattern pattern, unsigned int i)
{
	uint64_t stride = pattern == NEAR ? NEAR_STRIDE : e->npages / ndirty;

	if (!bench_guest_write(&e->of.guest, ndirty, stride))
		die(1, "the guest failed");
	e->harvest_us[pattern][i] = us_of(harvest, e);
	e->found = smudge_client_count(e->client, e->region, 0, e->npages);
	e->take_us[pattern][i] = us_of(take, e);
	if (i && e->found != ndirty)
		die(1, "other pages were reported than were written");
}

/* The first sample also finds what the start left. */
static void warm_up(struct entry *entries)
{
	for (size_t i = 0; i < NSETUPS; i++) {
		for (int p = 0; p < NPATTERNS; p++)
			sample(&entries[i], (enum pattern)p, 0);
		harvest(&entries[i]);
		take(&entries[i]);
	}
}

static void measure(struct entry *entries)
{
	unsigned int nsamples = bench_settings.nsamples;

	bench_progress_case("harvests of %llu pages",
			    (unsigned long long)ndirty);
	warm_up(entries);
	for (unsigned int s = 0; s < nsamples && !bench_interrupted; s++) {
		bench_progress_sample(s, nsamples);
		for (size_t i = 0; i < NSETUPS; i++)
			for (int p = 0; p < NPATTERNS; p++)
				sample(&entries[i], (enum pattern)p, s);
	}
}

static void print_entry(struct entry *e, const struct setup *setup,
			enum pattern pattern)
{
	unsigned int nsamples = bench_settings.nsamples;
	const char *format =
		bench_settings.is_json
			? "{\"case\": \"%s, %s\", \"dirty\": %llu, "
			  "\"harvest_us\": %.1f, "
			  "\"take_us\": %.1f}\n"
			: "%-14s %-7s %8llu %12.1f %12.1f\n";

	printf(format, setup->name, pattern_names[pattern],
	       (unsigned long long)e->found,
	       bench_median(e->harvest_us[pattern], nsamples),
	       bench_median(e->take_us[pattern], nsamples));
}

static void print_all(struct entry *entries)
{
	bench_progress_clear();
	if (!bench_settings.is_json)
		printf("%-14s %-7s %8s %12s %12s\n", "guest", "pages", "dirty",
		       "harvest, us", "take, us");
	for (size_t i = 0; i < NSETUPS; i++)
		for (int p = 0; p < NPATTERNS; p++)
			print_entry(&entries[i], &setups[i], (enum pattern)p);
}

static int take_option(int option)
{
	return bench_number(optarg, 1, 2 * GIB_PAGES / NEAR_STRIDE, &ndirty);
}

static const struct option options[] = {
	{"dirty", required_argument, NULL, 'd'},
	{NULL, 0, NULL, 0},
};

static const struct bench_program program = {
	.name = "bench-ring",
	.usage = "usage: bench-ring [options]\n"
		 "  --json        one JSON object per line: case, dirty,\n"
		 "                harvest_us, take_us\n"
		 "  --full        as --samples 501\n"
		 "  --quick       one sample: does it run?\n"
		 "  --dirty N     pages that the guest writes, 1 to 1024,\n"
		 "                default 1000\n"
		 "  --samples N   samples per median: 1 to 1001, default 101\n"
		 "  --help        this text\n",
	.options = options,
	.take_option = take_option,
	.nsamples = 101,
	.nsamples_full = 501,
	.max_samples = MAX_SAMPLES,
};

int main(int argc, char **argv)
{
	static struct entry entries[NSETUPS];

	bench_begin_only(&program, argc, argv);
	for (size_t i = 0; i < NSETUPS && !bench_interrupted; i++) {
		bench_progress_case("start, %s", setups[i].name);
		open_entry(&entries[i], &setups[i]);
	}
	if (!bench_interrupted)
		measure(entries);
	if (!bench_interrupted)
		print_all(entries);
	for (size_t i = 0; i < NSETUPS; i++)
		if (entries[i].is_open)
			close_entry(&entries[i]);
	return bench_end();
}
