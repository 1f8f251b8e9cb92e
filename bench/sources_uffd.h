/* SPDX-License-Identifier: MIT */
/*
 * The bare calls of userfaultfd, which are made in another process too.
 */
#ifndef BENCH_SOURCES_UFFD_H
#define BENCH_SOURCES_UFFD_H

#include "sources.h"

#define SOURCES_UFFD_RUNS 2048 /* of one call, as the library's */

struct sources_uffd_scan {
	int pagemap;
	uint64_t found; /* pages, by the last scan */
	struct {
		uint64_t start, end, categories;
	} runs[SOURCES_UFFD_RUNS];
};

/* @path: of the pagemap, of the process that has the memory */
void sources_uffd_scan_open(struct sources_uffd_scan *scan, const char *path);
void sources_uffd_scan_close(struct sources_uffd_scan *scan);
/* Fetch the runs of pages that were written, and protect them again. */
void sources_uffd_scan(struct sources_uffd_scan *scan,
		       const struct sources_ram *ram);

extern const struct sources_side sources_uffd_bare;

#endif
