/* SPDX-License-Identifier: MIT */
/*
 * The program itself marks what it wrote. There is no source: the take collects
 * the marks.
 */
#include "sources_library.h"
#include "sources_log.h"

static void *side_open(const struct sources_ram *ram, struct smudge_error *err)
{
	return sources_library_new(NULL, ram, err);
}

static void side_write(void *side, uint64_t npages, uint64_t stride)
{
	struct sources_library *lib = side;

	sources_library_write(side, npages, stride);
	for (uint64_t i = 0; i < npages; i++)
		smudge_region_mark(lib->region, i * stride, 1);
}

static const struct sources_side library_side = {
	.open = side_open,
	.close = sources_library_free,
	.arm = sources_library_arm,
	.stop = sources_library_stop,
	.write = side_write,
	.harvest = sources_library_harvest,
	.found = sources_library_found,
	.take = sources_library_take,
};

const struct sources_mechanism sources_mark = {
	.name = "mark",
	.rearms_in = "none",
	.take_fetches = true,
	.library = &library_side,
	.bare = &sources_log_bare,
};
