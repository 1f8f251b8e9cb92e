/* SPDX-License-Identifier: MIT */
/*
 * The benchmark's parts. A contender is one way to keep the dirty bits of two
 * clients over one memory; smudge is one of them, the baselines are the
 * others. Every case runs all contenders in turn, sample by sample, so that a
 * noisy machine disturbs all of them alike, and takes the median.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/batch.h>

#include "bench_clock.h"

#define BENCH_CLIENTS 2

/* Runs a contender hands over at once: smudge's fit the first-level cache. */
#define BENCH_RUNS 4096

struct contender {
	const char *name;
	void *(*create)(uint64_t npages);
	void (*destroy)(void *map);
	/* OR little-endian bits from @first_bit on into both clients */
	void (*merge)(void *map, const uint64_t *bits, unsigned int first_bit);
	/* take all of one client as runs; returns bench_sum_runs of them, or
	   0 when bench_reads_runs is false and nobody reads them */
	uint64_t (*take)(void *map, unsigned int client);
	/* the rest is for client 0 */
	void (*mark)(void *map, uint64_t first_page, uint64_t npages);
	void (*fill)(void *map);
	struct smudge_run (*next_dirty)(void *map);
	struct smudge_run (*next_clean)(void *map);
};

extern const struct contender contender_smudge;
extern const struct contender contender_flat_atomic;
extern const struct contender contender_bytemap;
extern const struct contender contender_flat_ranges;
extern const struct contender contender_reset_every_word;
extern const struct contender contender_vector_read;
#ifdef BENCH_ROARING
extern const struct contender contender_roaring;
#endif

/* Does a take's consumer read the runs, or is it enough to have them? */
extern bool bench_reads_runs;

/*
 * What a consumer of runs does here: cheap, and not optimised away. Numbers of
 * the pages, added: the same however runs are cut.
 */
static inline uint64_t bench_sum_run(struct smudge_run run)
{
	return run.npages * (2 * run.first_page + run.npages - 1);
}

static inline uint64_t bench_sum_runs(const struct smudge_run *runs,
				      size_t nruns)
{
	uint64_t sum = 0;

	for (size_t i = 0; bench_reads_runs && i < nruns; i++)
		sum += bench_sum_run(runs[i]);
	return sum;
}

/* Runs stored by a baseline's take, summed each time the array is full. */
struct bench_runs {
	struct smudge_run *runs; /* [BENCH_RUNS] */
	size_t nruns;
	uint64_t sum;
};

static inline void bench_runs_add(struct bench_runs *out, uint64_t first,
				  uint64_t end)
{
	if (out->nruns == BENCH_RUNS) {
		out->sum += bench_sum_runs(out->runs, out->nruns);
		out->nruns = 0;
	}
	out->runs[out->nruns++] = (struct smudge_run){first, end - first};
}

static inline uint64_t bench_runs_finish(struct bench_runs *out)
{
	out->sum += bench_sum_runs(out->runs, out->nruns);
	return out->sum;
}

/* ---- patterns --------------------------------------------------------- */

struct pattern {
	const char *name; /* random, alternating, clusters */
	double percent;	  /* of the pages that are dirty */
};

extern const struct pattern bench_patterns[];
extern const size_t bench_npatterns;

/* Words of npages bits, two more than needed, written by the pattern. */
uint64_t *bench_pattern_bits(const struct pattern *pattern, uint64_t npages);

/* ---- running and printing --------------------------------------------- */

struct options {
	bool is_json;
	bool is_quick;
	unsigned int nsamples;
	uint64_t npages; /* 0: the usual sizes */
	const char *only_case;
	const char *only_baseline;
	const char *only_pattern;
};

extern struct options bench_options;
extern volatile sig_atomic_t bench_interrupted;

/* One thing measured: what is prepared untimed, and what is timed. */
struct bench_case {
	const char *name;
	/* once for each contender before its samples; may be NULL */
	void (*start)(const struct contender *c, void *map, void *opaque);
	/* untimed, before each repetition; may be NULL */
	void (*prepare)(const struct contender *c, void *map, void *opaque);
	/* timed; returns what all contenders must agree on */
	uint64_t (*run)(const struct contender *c, void *map, void *opaque);
	/* does the contender have what it needs? */
	bool (*applies)(const struct contender *c);
	void *opaque;
	uint64_t npages;
	const struct pattern *pattern;
	unsigned int nrepeats; /* run() calls a sample when prepare is NULL */
	unsigned int divisor;  /* operations in one run() */
	bool reads_runs;       /* in the timed part */
};

/* Measure smudge and every contender that applies; print a row for each. */
void bench_run(const struct bench_case *bench);

/* A row whose two figures were measured otherwise. */
void bench_row(const struct bench_case *bench, const char *baseline, double ns,
	       double baseline_ns);
void bench_progress(const char *text);
void bench_header(void);
bool bench_wants_case(const char *name);

void bench_cycle_cases(uint64_t npages);
void bench_small_cases(uint64_t npages);
void bench_mark_cases(void);
void bench_query_cases(uint64_t npages);
void bench_memory_cases(uint64_t npages);

#endif
