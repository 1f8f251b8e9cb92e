/* SPDX-License-Identifier: MIT */
/*
 * The log of a vhost back end, which this thread plays: it stores to the pages,
 * and then logs each.
 */
#include <stdlib.h>

#include "sources_library.h"
#include "sources_log.h"

struct side {
	struct sources_library lib;
	uint64_t *log;
	uint64_t log_bytes;
};

static void side_free(void *opaque)
{
	struct side *side = opaque;

	sources_library_close(&side->lib);
	free(side->log);
	free(side);
}

static void *side_open(const struct sources_ram *ram, struct smudge_error *err)
{
	struct smudge_vhost_log_options options = {.size = sizeof(options)};
	struct side *side = sources_alloc(sizeof(*side));
	uint64_t end_page = SOURCES_GPA / SOURCES_PAGE + ram->npages;

	side->log_bytes = (end_page + 63) / 64 * 8;
	side->log = sources_alloc(side->log_bytes);
	options.log = side->log;
	options.log_bytes = side->log_bytes;
	if (smudge_vhost_log_create(&options, &side->lib.source, err) == 0 &&
	    sources_library_open(&side->lib, ram, err) == 0)
		return side;
	side_free(side);
	return NULL;
}

static void side_write(void *opaque, uint64_t npages, uint64_t stride)
{
	struct side *side = opaque;

	sources_library_write(side, npages, stride);
	for (uint64_t i = 0; i < npages; i++)
		smudge_vhost_log_mark(side->log, side->log_bytes,
				      SOURCES_GPA + i * stride * SOURCES_PAGE,
				      1);
}

static const struct sources_side library_side = {
	.open = side_open,
	.close = side_free,
	.arm = sources_library_arm,
	.stop = sources_library_stop,
	.write = side_write,
	.harvest = sources_library_harvest,
	.found = sources_library_found,
	.take = sources_library_take,
};

const struct sources_mechanism sources_vhost_log = {
	.name = "vhost_log",
	.rearms_in = "none",
	.library = &library_side,
	.bare = &sources_log_bare,
};
