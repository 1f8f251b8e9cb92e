/* SPDX-License-Identifier: MIT */
/*
 * Which pages of a target's shared memory are in memory?
 *
 * mincore(2) answers for one's own mappings. So this process maps the same
 * files, without access: the page cache is the same. A file that cannot be
 * opened through /proc is unknown; there every harvest reports the pages that
 * the target had mapped since the start and does not map now. (To read such a
 * page maps it.)
 */
#ifndef LIB_SOURCE_DROPS_RESIDENT_H
#define LIB_SOURCE_DROPS_RESIDENT_H

#include <stddef.h>
#include <stdint.h>

#include "sys/maps.h"

struct smi_drops_own_map {
	uint64_t start; /* addresses of the target, end exclusive */
	uint64_t end;
	char *map;	/* the same bytes here */
	char *reserved; /* where nothing else is mapped, around it */
	size_t reserved_bytes;
};

struct smi_drops_resident {
	struct smi_drops_own_map *maps; /* ascending */
	size_t nmaps;
};

/*
 * smi_drops_resident_add - a mapping of the target, behind those before it
 *
 * Return: 0, also if the file cannot be mapped here; -ENOMEM.
 */
int smi_drops_resident_add(struct smi_drops_resident *resident, int proc,
			   const struct smi_sys_mapping *m);

/* The maps of @more follow; @more is empty then. Return: 0, -ENOMEM. */
int smi_drops_resident_append(struct smi_drops_resident *resident,
			      struct smi_drops_resident *more);

void smi_drops_resident_free(struct smi_drops_resident *resident);

/* In a vector: whether the page is in memory is unknown. */
#define SMI_DROPS_UNKNOWN 2

/*
 * A byte of @vector for each page, as mincore(2), or SMI_DROPS_UNKNOWN. Return:
 * 0 or -errno.
 */
int smi_drops_resident_ask(const struct smi_drops_resident *resident,
			   uint64_t at, uint64_t npages,
			   unsigned int page_shift, unsigned char *vector);

#endif
