/* SPDX-License-Identifier: MIT */
/*
 * The address axis of a heat map: mappings as bands of rows, with what is
 * between them folded.
 */
#ifndef TOOLS_RATE_BAND_H
#define TOOLS_RATE_BAND_H

#include "rate/mapping.h"

#define RATE_MAX_BANDS 40

struct rate_band {
	const struct rate_mapping *mapping; /* borrowed */
	unsigned int nrows;		    /* of equal numbers of bytes */
	/* between the band before it (or address 0) and this one */
	uint64_t folded_bytes;
	size_t folded_mappings; /* that are not shown */
};

/*
 * rate_bands - what is shown of a process
 * @mappings: in ascending order
 * @bands: receives RATE_MAX_BANDS at most, in ascending order: the mappings
 *         that were written most
 *
 * A band has at least two rows, and more in proportion to its size.
 * Return: how many, or -ENOMEM.
 */
int rate_bands(const struct rate_mappings *mappings,
	       struct rate_band bands[RATE_MAX_BANDS]);

/* Where row @row of a band begins; @row is at most nrows. */
uint64_t rate_band_address(const struct rate_band *band, unsigned int row);

#endif
