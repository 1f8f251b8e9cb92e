/* SPDX-License-Identifier: MIT */
/*
 * Mappings of a process, and how many of their pages were written.
 */
#ifndef TOOLS_RATE_MAPPING_H
#define TOOLS_RATE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rate/name.h"

struct rate_mapping {
	uint64_t address; /* of its first byte, there */
	uint64_t size_bytes;
	double pages;		    /* written, of 4096 bytes */
	char name[RATE_NAME_BYTES]; /* valid UTF-8 without control characters */
};

/* Owned; all zero is an empty one. In ascending order of address. */
struct rate_mappings {
	struct rate_mapping *list;
	size_t n;
	size_t room;
};

/* @mapping: copied, behind the others. Return: 0 or -ENOMEM. */
int rate_mappings_add(struct rate_mappings *mappings,
		      const struct rate_mapping *mapping);
void rate_mappings_clear(struct rate_mappings *mappings); /* memory is kept */
void rate_mappings_free(struct rate_mappings *mappings);

/*
 * rate_mappings_merge - add numbers of pages
 * @to: receives what @from has: pages are added where address and name are
 *      equal, of two sizes the larger one stays
 *
 * Return: 0, or -ENOMEM (@to as it was).
 */
int rate_mappings_merge(struct rate_mappings *to,
			const struct rate_mappings *from);

/*
 * rate_mappings_hot - those that were written, the most written one first
 * @ret_hot: receives pointers into @mappings, freed by the caller
 * Return: how many, or -ENOMEM.
 */
int rate_mappings_hot(const struct rate_mappings *mappings,
		      const struct rate_mapping ***ret_hot);

/* Has another one of @mappings the same name as this one of them? */
bool rate_mappings_has_alike(const struct rate_mappings *mappings,
			     const struct rate_mapping *mapping);

/* How many were not written, and their bytes. */
size_t rate_mappings_cold(const struct rate_mappings *mappings,
			  uint64_t *ret_bytes);

#endif
