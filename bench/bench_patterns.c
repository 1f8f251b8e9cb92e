/* SPDX-License-Identifier: MIT */
/*
 * Patterns of a kernel's dirty bitmap. Random bits come from one fixed seed, so
 * two runs measure the same bits.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define CLUSTER_PAGES 512 /* 2 MiB of 4 KiB pages */

const struct pattern bench_patterns[] = {
	{"random", 0},	  {"random", 0.001}, {"random", 0.01},
	{"random", 0.1},  {"random", 1},     {"random", 3},
	{"random", 10},	  {"random", 50},    {"alternating", 50},
	{"clusters", 10}, {"random", 99},    {"random", 99.99},
	{"random", 100},
};
const size_t bench_npatterns =
	sizeof(bench_patterns) / sizeof(bench_patterns[0]);

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Set each unit of @size bits with the probability: draw the gaps between. */
static void set_units(uint64_t *bits, uint64_t npages, double probability,
		      uint64_t size)
{
	uint64_t state = 20100610, units = npages / size;
	double scale = 1 / log1p(-probability);

	for (uint64_t unit = 0;; unit++) {
		double u = ((double)(next_random(&state) >> 11) + 1) / 0x1p53;

		unit += (uint64_t)(log(u) * scale);
		if (unit >= units)
			return;
		for (uint64_t i = unit * size; i < (unit + 1) * size; i++)
			bits[i / 64] |= UINT64_C(1) << i % 64;
	}
}

static void set_words(uint64_t *bits, uint64_t npages,
		      const struct pattern *pattern)
{
	uint64_t state = 20100610;

	for (uint64_t i = 0; i < npages / 64; i++) {
		if (pattern->percent == 100)
			bits[i] = ~UINT64_C(0);
		else if (strcmp(pattern->name, "alternating") == 0)
			bits[i] = UINT64_C(0x5555555555555555);
		else
			bits[i] = next_random(&state);
	}
}

static void set_most(uint64_t *bits, uint64_t npages, double probability)
{
	set_units(bits, npages, 1 - probability, 1);
	for (uint64_t i = 0; i < npages / 64; i++)
		bits[i] = ~bits[i];
}

uint64_t *bench_pattern_bits(const struct pattern *pattern, uint64_t npages)
{
	size_t size = (npages / 64 + 2) * 8;
	uint64_t *bits = aligned_alloc(64, (size + 63) / 64 * 64);

	if (!bits) {
		fprintf(stderr, "bench-bitmap: no memory for %zu bytes\n",
			size);
		exit(1);
	}
	memset(bits, 0, size);
	if (pattern->percent > 50 && pattern->percent < 100)
		set_most(bits, npages, pattern->percent / 100);
	else if (pattern->percent >= 50)
		set_words(bits, npages, pattern);
	else if (pattern->percent > 0)
		set_units(bits, npages, pattern->percent / 100,
			  strcmp(pattern->name, "clusters") ? 1
							    : CLUSTER_PAGES);
	return bits;
}
