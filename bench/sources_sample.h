/* SPDX-License-Identifier: MIT */
/*
 * One row of the results: a mechanism, and how many pages are written; and its
 * samples.
 */
#ifndef BENCH_SOURCES_SAMPLE_H
#define BENCH_SOURCES_SAMPLE_H

#include "sources.h"

enum sources_phase {
	SOURCES_ARM,
	SOURCES_SCAN, /* a harvest when nothing was written */
	SOURCES_WRITE,
	SOURCES_HARVEST,
	SOURCES_TAKE,
	SOURCES_STOP,
	SOURCES_NPHASES
};

enum {
	SOURCES_LIBRARY,
	SOURCES_BARE,
	SOURCES_NSIDES
};

struct sources_row {
	const struct sources_mechanism *mechanism;
	uint64_t npages; /* of the memory */
	uint64_t ndirty;
	unsigned int nsamples;
	uint64_t found[SOURCES_NSIDES]; /* by the last harvest */
	double us[SOURCES_NSIDES][SOURCES_NPHASES][SOURCES_MAX_SAMPLES];
};

/* The operations of a side; NULL if there is none. */
const struct sources_side *
sources_side_of(const struct sources_mechanism *mechanism, int which);

/*
 * sources_sample - take one sample of each side, into place @i
 * @sides: as opened; NULL for a side that does not exist
 *
 * The first pass after the arm is not measured: it finds page tables and caches
 * as the arm left them. Ends the benchmark if a write was not found.
 */
void sources_sample(struct sources_row *row, void *const *sides,
		    unsigned int i);

#endif
