/* SPDX-License-Identifier: MIT */
/*
 * A few pages that a source is tried on.
 */
#ifndef TOOLS_FEATURE_SCRAP_H
#define TOOLS_FEATURE_SCRAP_H

#include <stddef.h>

struct smudge_error;
struct smudge_memory;
struct smudge_region;
struct smudge_source;

enum {
	SCRAP_PAGES = 8,
	SCRAP_WRITTEN = 3, /* the page that the trial writes */
};

struct scrap {
	size_t page_bytes; /* the host's, and the region's */
	unsigned char *ram;
	struct smudge_memory *memory;
	struct smudge_region *region;
};

/* A region of SCRAP_PAGES at address 0 of a guest. Return: 0, or -errno. */
int scrap_open(struct scrap *scrap, struct smudge_error *err);

/*
 * scrap_track - does the source report the page that is written, and not all?
 * @write: writes page SCRAP_WRITTEN, in the way that the source detects
 * Return: 0, or -errno with one sentence; -EIO: it reports wrongly.
 */
int scrap_track(struct scrap *scrap, struct smudge_source *source,
		int (*write)(void *opaque, struct smudge_error *err),
		void *opaque, struct smudge_error *err);

/* What scrap_track calls for a store of this process. @opaque: the scrap */
int scrap_store(void *opaque, struct smudge_error *err);

#endif
