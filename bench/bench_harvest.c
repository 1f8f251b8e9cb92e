/* SPDX-License-Identifier: MIT */
/*
 * What a harvest of the userfaultfd source costs, per page of memory, for each
 * kind of memory: in all but private anonymous memory it also looks for
 * content that was dropped. Kinds are measured in turns, sample by sample, and
 * the median is printed.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/smudge.h>

#include "bench_clock.h"
#include "bench_program.h"
#include "bench_progress.h"

#define PAGE	    4096
#define MAX_SAMPLES 101
#define CANNOT	    77 /* exit status: the machine lacks it */

enum touch {
	WRITTEN,   /* each page has content of this process */
	UNTOUCHED, /* no page has any */
	FILLED,	   /* the file has content, this mapping was not touched */
};

static const struct setup {
	const char *name;
	bool is_shared;
	bool has_file;
	enum touch touch;
} setups[] = {
	{"private anonymous, written", false, false, WRITTEN},
	{"private anonymous, untouched", false, false, UNTOUCHED},
	{"private memfd, written", false, true, WRITTEN},
	{"private memfd, untouched", false, true, FILLED},
	{"shared memfd, written", true, true, WRITTEN},
	{"shared memfd, untouched", true, true, UNTOUCHED},
	{"shared memfd, filled by another mapping", true, true, FILLED},
};
#define NSETUPS (sizeof(setups) / sizeof(setups[0]))

struct entry {
	uint8_t *ram;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_client *client;
	double clean_ns[MAX_SAMPLES]; /* per page of the memory */
	double dirty_ns[MAX_SAMPLES]; /* the same, 1 % written */
	double start_ns;	      /* the source's, per page */
};

static uint64_t npages; /* of each kind */
static const char *kind = "";

static bool is_wanted(const struct setup *setup)
{
	return strstr(setup->name, kind);
}

static void die(const char *what)
{
	bench_progress_clear();
	fprintf(stderr, "bench-harvest: %s\n", what);
	exit(1);
}

static int make_file(const struct setup *setup)
{
	int fd;
	uint8_t *all;

	if (!setup->has_file)
		return -1;
	fd = memfd_create("bench", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)(npages * PAGE)) < 0)
		die("no memfd is to be had");
	if (setup->touch != FILLED)
		return fd;
	all = mmap(NULL, npages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	if (all == MAP_FAILED)
		die("no address space");
	memset(all, 'f', npages * PAGE);
	munmap(all, npages * PAGE);
	return fd;
}

static void map_memory(struct entry *e, const struct setup *setup)
{
	int fd = make_file(setup);
	int flags = setup->is_shared ? MAP_SHARED : MAP_PRIVATE;

	e->ram = mmap(NULL, npages * PAGE, PROT_READ | PROT_WRITE,
		      fd < 0 ? flags | MAP_ANONYMOUS : flags, fd, 0);
	if (e->ram == MAP_FAILED)
		die("no address space");
	if (fd >= 0)
		close(fd);
	/* 4 KiB pages everywhere, so that the figures compare */
	madvise(e->ram, npages * PAGE, MADV_NOHUGEPAGE);
	if (setup->touch == WRITTEN)
		memset(e->ram, 'W', npages * PAGE);
}

/* Where there is no userfaultfd for this, the status says so. */
static int create_source(struct entry *e, struct smudge_error *err)
{
	if (smudge_uffd_create(&e->source, err) == 0)
		return 0;
	bench_progress_clear();
	fprintf(stderr, "bench-harvest: %s\n", err->message);
	exit(CANNOT);
}

static void open_entry(struct entry *e, const struct setup *setup)
{
	struct smudge_region_options region = {
		.size = sizeof(region),
		.name = "ram",
		.size_bytes = npages * PAGE,
	};
	struct smudge_client_options client = {.size = sizeof(client),
					       .name = "bench"};
	struct smudge_error err = {0};
	uint64_t begin;

	map_memory(e, setup);
	region.hva = e->ram;
	if (smudge_memory_create(&e->memory) < 0 ||
	    smudge_region_add(e->memory, &region, &e->region, NULL) < 0 ||
	    create_source(e, &err) < 0 ||
	    smudge_region_attach(e->region, e->source, 0, 0, &err) < 0)
		die(err.message);
	begin = bench_now_ns();
	if (smudge_client_open(e->memory, &client, &e->client, &err) < 0)
		die(err.message);
	e->start_ns = (double)(bench_now_ns() - begin) / (double)npages;
}

static void close_entry(struct entry *e)
{
	smudge_client_close(e->client);
	smudge_source_destroy(e->source);
	smudge_memory_destroy(e->memory, NULL);
	munmap(e->ram, npages * PAGE);
}

static double harvest(struct entry *e)
{
	struct smudge_error err = {0};
	uint64_t begin = bench_now_ns();

	if (smudge_region_harvest(e->region, &err) < 0)
		die(err.message);
	return (double)(bench_now_ns() - begin) / (double)npages;
}

static void take_all(struct entry *e)
{
	smudge_client_skip(e->client, e->region, 0, npages, NULL);
}

static void sample(struct entry *e, unsigned int i)
{
	take_all(e);
	e->clean_ns[i] = harvest(e);
	for (uint64_t p = 7; p < npages; p += 100)
		*(volatile uint8_t *)(e->ram + p * PAGE) = (uint8_t)i;
	e->dirty_ns[i] = harvest(e);
}

static void print_entry(struct entry *e, const struct setup *setup)
{
	unsigned int nsamples = bench_settings.nsamples;
	struct smudge_source_stats stats = {.size = sizeof(stats)};
	const char *format =
		bench_settings.is_json
			? "{\"case\": \"%s\", \"clean_ns\": %.2f, "
			  "\"dirty_ns\": %.2f, \"start_ns\": %.1f, "
			  "\"unsure_pages\": %llu}\n"
			: "%-40s %10.2f %10.2f %10.1f %10llu\n";

	smudge_source_stats(e->source, &stats);
	printf(format, setup->name, bench_median(e->clean_ns, nsamples),
	       bench_median(e->dirty_ns, nsamples), e->start_ns,
	       (unsigned long long)stats.unsure_pages);
}

static void open_all(struct entry *entries)
{
	for (size_t i = 0; i < NSETUPS && !bench_interrupted; i++) {
		if (!is_wanted(&setups[i]))
			continue;
		bench_progress_case("start, %s", setups[i].name);
		open_entry(&entries[i], &setups[i]);
	}
}

static void measure(struct entry *entries)
{
	unsigned int nsamples = bench_settings.nsamples;

	bench_progress_case("harvests of %llu pages, clean and 1 %% dirty",
			    (unsigned long long)npages);
	for (unsigned int s = 0; s < nsamples && !bench_interrupted; s++) {
		bench_progress_sample(s, nsamples);
		for (size_t i = 0; i < NSETUPS && !bench_interrupted; i++) {
			if (is_wanted(&setups[i]))
				sample(&entries[i], s);
		}
	}
}

static void print_all(struct entry *entries)
{
	bench_progress_clear();
	if (!bench_settings.is_json)
		printf("%-40s %10s %10s %10s %10s\n", "ns per page of memory",
		       "clean", "1 % dirty", "start", "unsure");
	for (size_t i = 0; i < NSETUPS; i++) {
		if (!is_wanted(&setups[i]))
			continue;
		print_entry(&entries[i], &setups[i]);
		close_entry(&entries[i]);
	}
}

static int take_option(int option)
{
	switch (option) {
	case 'p':
		return bench_number(optarg, 1, UINT64_C(1) << 32, &npages);
	default:
		kind = optarg;
		return 0;
	}
}

static const struct option options[] = {
	{"pages", required_argument, NULL, 'p'},
	{"kind", required_argument, NULL, 'k'},
	{NULL, 0, NULL, 0},
};

static const struct bench_program program = {
	.name = "bench-harvest",
	.usage = "usage: bench-harvest [options]\n"
		 "  --json        one JSON object per line: case, clean_ns,\n"
		 "                dirty_ns, start_ns (per page of memory),\n"
		 "                unsure_pages\n"
		 "  --full        as --pages 131072 --samples 21\n"
		 "  --quick       one sample of 1024 pages: does it run?\n"
		 "  --pages N     of each kind, default 65536\n"
		 "  --samples N   samples per median: 1 to 101, default 15\n"
		 "  --kind TEXT   kinds with this in their name\n"
		 "  --help        this text\n",
	.options = options,
	.take_option = take_option,
	.nsamples = 15,
	.nsamples_full = 21,
	.max_samples = MAX_SAMPLES,
};

int main(int argc, char **argv)
{
	static const uint64_t usual[] = {[BENCH_QUICK] = 1024,
					 [BENCH_USUAL] = 65536,
					 [BENCH_FULL] = 131072};
	static struct entry entries[NSETUPS];

	bench_begin_only(&program, argc, argv);
	if (!npages)
		npages = usual[bench_settings.scope];
	open_all(entries);
	measure(entries);
	if (!bench_interrupted)
		print_all(entries);
	return bench_end();
}
