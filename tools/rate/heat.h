/* SPDX-License-Identifier: MIT */
/*
 * How many pages were written, by address and time: the cells of a heat map.
 *
 * A column is one interval, a bin a number of pages that lie together. There
 * are at most RATE_HEAT_COLUMNS columns, and in each at most RATE_HEAT_BINS
 * bins that were written: beyond that two columns become one, or all bins twice
 * as large. So the memory is bounded, for any time and any process.
 */
#ifndef TOOLS_RATE_HEAT_H
#define TOOLS_RATE_HEAT_H

#include <stddef.h>
#include <stdint.h>

#define RATE_HEAT_COLUMNS 240
#define RATE_HEAT_BINS	  8192

struct rate_heat_bin {
	uint64_t bin; /* address >> bin_shift */
	double pages; /* written, of all intervals of the column together */
};

struct rate_heat_column {
	struct rate_heat_bin *bins; /* ascending */
	size_t nbins;
	double began_s, finished_s; /* since the start */
	unsigned int intervals;
};

struct rate_heat {
	unsigned int bin_shift; /* of bytes */
	size_t ncolumns;
	unsigned int column_intervals; /* of a full column */
	struct rate_heat_column columns[RATE_HEAT_COLUMNS];
	/* of the interval that runs; ascending, but for what was added last */
	struct rate_heat_bin *open;
	size_t nopen, open_room;
	int failure; /* 0 or -ENOMEM: cells are missing */
};

/* Return: NULL: no memory. */
struct rate_heat *rate_heat_create(void);
void rate_heat_destroy(struct rate_heat *heat); /* or NULL */

/*
 * rate_heat_add - pages were written in the interval that runs
 * @address: of the first page
 * @npages: of 4096 bytes; not 0
 * @weight: how many pages each of them stands for
 */
void rate_heat_add(struct rate_heat *heat, uint64_t address, uint64_t npages,
		   double weight);

/* The interval has ended; a new one runs. */
void rate_heat_end_interval(struct rate_heat *heat, double began_s,
			    double finished_s);

/*
 * rate_heat_share - the share of pages that were written in an interval, from
 *      0 to 1, on average over a column's intervals
 * @address, @end_address: where, end exclusive. A bin at the edge counts in
 *      proportion
 */
double rate_heat_share(const struct rate_heat *heat, size_t column,
		       uint64_t address, uint64_t end_address);

#endif
