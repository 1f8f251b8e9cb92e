/* SPDX-License-Identifier: MIT */
/*
 * The cells of a heat map.
 */
#include "rate/heat.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"

#define PAGE_SHIFT	12
#define FIRST_BIN_SHIFT PAGE_SHIFT

struct rate_heat *rate_heat_create(void)
{
	struct rate_heat *heat = calloc(1, sizeof(*heat));

	if (heat) {
		heat->bin_shift = FIRST_BIN_SHIFT;
		heat->column_intervals = 1;
	}
	return heat;
}

void rate_heat_destroy(struct rate_heat *heat)
{
	if (!heat)
		return;
	for (size_t i = 0; i < heat->ncolumns; i++)
		free(heat->columns[i].bins);
	free(heat->open);
	free(heat);
}

static int by_bin(const void *a, const void *b)
{
	const struct rate_heat_bin *one = a;
	const struct rate_heat_bin *two = b;

	return one->bin == two->bin ? 0 : one->bin < two->bin ? -1 : 1;
}

/* Sort, and make one of equal bins. Return: how many are left. */
static size_t fold(struct rate_heat_bin *bins, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(bins, n, sizeof(*bins), by_bin);
	for (size_t i = 0; i < n; i++) {
		if (kept && bins[kept - 1].bin == bins[i].bin)
			bins[kept - 1].pages += bins[i].pages;
		else
			bins[kept++] = bins[i];
	}
	return kept;
}

static size_t halve(struct rate_heat_bin *bins, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bins[i].bin >>= 1;
	return fold(bins, n);
}

/* Bins twice as large, everywhere. */
static void coarsen(struct rate_heat *heat)
{
	for (size_t i = 0; i < heat->ncolumns; i++)
		heat->columns[i].nbins =
			halve(heat->columns[i].bins, heat->columns[i].nbins);
	heat->nopen = halve(heat->open, heat->nopen);
	heat->bin_shift++;
}

/* Room for one more of the open bins, whose number stays bounded. */
static int make_room(struct rate_heat *heat)
{
	size_t room = heat->open_room ? 2 * heat->open_room : 1024;
	struct rate_heat_bin *open;

	if (heat->nopen < heat->open_room)
		return 0;
	if (heat->open_room >= 2 * RATE_HEAT_BINS) {
		heat->nopen = fold(heat->open, heat->nopen);
		while (heat->nopen > RATE_HEAT_BINS)
			coarsen(heat);
		return 0;
	}
	open = realloc(heat->open, room * sizeof(*open));
	if (!open)
		return -ENOMEM;
	heat->open = open;
	heat->open_room = room;
	return 0;
}

static void add_bin(struct rate_heat *heat, uint64_t bin, double pages)
{
	struct rate_heat_bin *last =
		heat->nopen ? &heat->open[heat->nopen - 1] : NULL;

	if (last && last->bin == bin)
		last->pages += pages;
	else
		heat->open[heat->nopen++] = (struct rate_heat_bin){bin, pages};
}

void rate_heat_add(struct rate_heat *heat, uint64_t address, uint64_t npages,
		   double weight)
{
	uint64_t page = address >> PAGE_SHIFT;
	uint64_t end_page = range_end(page, npages);

	while (page < end_page) {
		unsigned int shift;
		uint64_t bin, n;

		if (make_room(heat)) {
			heat->failure = -ENOMEM;
			return;
		}
		/* make_room may have changed it */
		shift = heat->bin_shift - PAGE_SHIFT;
		bin = page >> shift;
		n = min_u64(end_page, (bin + 1) << shift) - page;
		add_bin(heat, bin, (double)n * weight);
		page += n;
	}
}

/* Add @from's bins to @to's; without memory they are lost. */
static void join(struct rate_heat *heat, struct rate_heat_column *to,
		 struct rate_heat_column *from)
{
	size_t n = to->nbins + from->nbins;
	struct rate_heat_bin *bins =
		from->nbins ? realloc(to->bins, n * sizeof(*bins)) : to->bins;

	if (bins && from->nbins) {
		memcpy(bins + to->nbins, from->bins,
		       from->nbins * sizeof(*bins));
		to->bins = bins;
		to->nbins = fold(bins, n);
	} else if (from->nbins) {
		heat->failure = -ENOMEM;
	}
	free(from->bins);
	to->finished_s = from->finished_s;
	to->intervals += from->intervals;
}

/* Two columns become one, everywhere. Their number is even. */
static void halve_columns(struct rate_heat *heat)
{
	for (size_t i = 0; i < heat->ncolumns / 2; i++) {
		struct rate_heat_column *to = &heat->columns[2 * i];

		join(heat, to, &heat->columns[2 * i + 1]);
		heat->columns[i] = *to;
	}
	heat->ncolumns /= 2;
	heat->column_intervals *= 2;
}

/* The column that the interval belongs to, perhaps a new one. */
static struct rate_heat_column *last_column(struct rate_heat *heat,
					    double began_s)
{
	struct rate_heat_column *last =
		heat->ncolumns ? &heat->columns[heat->ncolumns - 1] : NULL;

	if (last && last->intervals < heat->column_intervals)
		return last;
	if (heat->ncolumns == RATE_HEAT_COLUMNS)
		halve_columns(heat);
	last = &heat->columns[heat->ncolumns++];
	*last = (struct rate_heat_column){.began_s = began_s};
	return last;
}

void rate_heat_end_interval(struct rate_heat *heat, double began_s,
			    double finished_s)
{
	struct rate_heat_column open = {.finished_s = finished_s,
					.intervals = 1};
	struct rate_heat_column *column;

	heat->nopen = fold(heat->open, heat->nopen);
	column = last_column(heat, began_s);
	open.bins = heat->open;
	open.nbins = heat->nopen;
	heat->open = NULL;
	heat->nopen = 0;
	heat->open_room = 0;
	join(heat, column, &open);
	while (column->nbins > RATE_HEAT_BINS)
		coarsen(heat);
}

/* The first bin of the column that is not below @bin. */
static size_t find(const struct rate_heat_column *column, uint64_t bin)
{
	size_t low = 0;
	size_t high = column->nbins;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (column->bins[middle].bin < bin)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

double rate_heat_share(const struct rate_heat *heat, size_t column,
		       uint64_t address, uint64_t end_address)
{
	const struct rate_heat_column *c = &heat->columns[column];
	double bin_bytes = (double)(UINT64_C(1) << heat->bin_shift);
	double pages = 0;
	double all = (double)(end_address - address) /
		     (double)(UINT64_C(1) << PAGE_SHIFT) * c->intervals;

	for (size_t i = find(c, address >> heat->bin_shift); i < c->nbins;
	     i++) {
		uint64_t first = c->bins[i].bin << heat->bin_shift;
		uint64_t end = first + (UINT64_C(1) << heat->bin_shift);

		if (first >= end_address)
			break;
		pages += c->bins[i].pages *
			 (double)(min_u64(end, end_address) -
				  max_u64(first, address)) /
			 bin_bytes;
	}
	return all > 0 ? fmin(1, pages / all) : 0;
}
