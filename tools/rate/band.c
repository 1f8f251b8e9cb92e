/* SPDX-License-Identifier: MIT */
/*
 * Bands of a heat map.
 */
#include "rate/band.h"

#include <stdlib.h>

#define MIN_ROWS    2
#define SHARED_ROWS 72 /* given to the bands in proportion to their sizes */
#define PAGE_BYTES  4096

static uint64_t end_of(const struct rate_mapping *mapping)
{
	return mapping->address + mapping->size_bytes;
}

/* The most written ones; -ENOMEM. */
static int choose(const struct rate_mappings *mappings,
		  struct rate_band bands[RATE_MAX_BANDS])
{
	const struct rate_mapping **hot = NULL;
	int n = rate_mappings_hot(mappings, &hot);

	if (n < 0)
		return n;
	if (n > RATE_MAX_BANDS)
		n = RATE_MAX_BANDS;
	for (int i = 0; i < n; i++)
		bands[i] = (struct rate_band){.mapping = hot[i]};
	free(hot);
	return n;
}

static int by_address(const void *a, const void *b)
{
	const struct rate_band *one = a;
	const struct rate_band *two = b;

	/* pointers into one list that is in order */
	return one->mapping < two->mapping ? -1 : one->mapping > two->mapping;
}

static void set_rows(struct rate_band *bands, int n)
{
	double all = 0;

	for (int i = 0; i < n; i++)
		all += (double)bands[i].mapping->size_bytes;
	for (int i = 0; i < n; i++) {
		uint64_t bytes = bands[i].mapping->size_bytes;
		unsigned int rows =
			MIN_ROWS +
			(unsigned int)((double)bytes / all * SHARED_ROWS + 0.5);

		/* no row is smaller than a page */
		bands[i].nrows = rows;
		if (bytes / PAGE_BYTES < rows)
			bands[i].nrows = (unsigned int)(bytes / PAGE_BYTES);
	}
}

static void set_folds(const struct rate_mappings *mappings,
		      struct rate_band *bands, int n)
{
	const struct rate_mapping *next = mappings->list;
	uint64_t end = 0;

	for (int i = 0; i < n; i++) {
		const struct rate_mapping *mapping = bands[i].mapping;

		bands[i].folded_mappings = (size_t)(mapping - next);
		bands[i].folded_bytes =
			mapping->address > end ? mapping->address - end : 0;
		end = end_of(mapping);
		next = mapping + 1;
	}
}

int rate_bands(const struct rate_mappings *mappings,
	       struct rate_band bands[RATE_MAX_BANDS])
{
	int n = choose(mappings, bands);

	if (n <= 0)
		return n;
	qsort(bands, (size_t)n, sizeof(*bands), by_address);
	set_rows(bands, n);
	set_folds(mappings, bands, n);
	return n;
}

uint64_t rate_band_address(const struct rate_band *band, unsigned int row)
{
	uint64_t pages = band->mapping->size_bytes / PAGE_BYTES;

	return band->mapping->address + pages * row / band->nrows * PAGE_BYTES;
}
