/* SPDX-License-Identifier: MIT */
/*
 * The parts of bench-bitmap. A contender is one way to keep the dirty bits of
 * two clients of one memory; smudge is one contender, the baselines are the
 * others. Every case runs all contenders in turns, sample by sample, so that a
 * noisy machine disturbs all of them alike, and takes the median.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/batch.h>

#include "bench_clock.h"
#include "bench_program.h"
#include "bench_progress.h"

#define BENCH_CLIENTS 2

/* The runs of one batch: smudge's fit the first-level cache. */
#define BENCH_RUNS 4096

struct contender {
	const char *name;
	void *(*create)(uint64_t npages);
	void (*destroy)(void *map);
	/* OR little-endian bits from @first_bit on into both clients */
	void (*merge)(void *map, const uint64_t *bits, unsigned int first_bit);
	/* take all of one client as runs; returns bench_sum_runs of them, or
	   0 if bench_reads_runs is false */
	uint64_t (*take)(void *map, unsigned int client);
	/* the calls below are for client 0 */
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

/* Does the consumer of a take read the runs? */
extern bool bench_reads_runs;

/*
 * A consumer's work for a run: cheap, and not optimised away. It adds the
 * numbers of the pages, so the sum does not depend on where runs are cut.
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

/* The runs of a baseline's take; they are summed when the array is full. */
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
	double percent;	  /* of the pages is dirty */
};

extern const struct pattern bench_patterns[];
extern const size_t bench_npatterns;

/* The words of @npages bits, and two words more, filled with the pattern. */
uint64_t *bench_pattern_bits(const struct pattern *pattern, uint64_t npages);

/* ---- running and printing --------------------------------------------- */

struct options {
	uint64_t npages; /* 0: those of the scope */
	const char *only_case;
	const char *only_baseline;
	const char *only_pattern;
};

extern struct options bench_options;

/* One measurement: an untimed preparation, and the timed part. */
struct bench_case {
	const char *name;
	/* once for each contender before its samples; may be NULL */
	void (*start)(const struct contender *c, void *map, void *opaque);
	/* untimed, before each repetition; may be NULL */
	void (*prepare)(const struct contender *c, void *map, void *opaque);
	/* timed; must return the same for all contenders */
	uint64_t (*run)(const struct contender *c, void *map, void *opaque);
	/* does the contender have what it needs? */
	bool (*applies)(const struct contender *c);
	void *opaque;
	uint64_t npages;
	const struct pattern *pattern;
	unsigned int nrepeats; /* calls of run() per sample, without prepare */
	unsigned int divisor;  /* operations in one run() */
	bool reads_runs;       /* in the timed part */
};

/* Measure smudge and every contender that applies; print a row for each. */
void bench_run(const struct bench_case *bench);

/* Print a row whose two times the caller measured. */
void bench_row(const struct bench_case *bench, const char *baseline, double ns,
	       double baseline_ns);
void bench_header(void);
bool bench_wants_case(const char *name);

void bench_cycle_cases(uint64_t npages);
void bench_small_cases(uint64_t npages);
void bench_mark_cases(void);
void bench_query_cases(uint64_t npages);
void bench_memory_cases(uint64_t npages);
void bench_scale_cases(uint64_t npages, const struct pattern *pattern);

#endif
