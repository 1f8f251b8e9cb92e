/* SPDX-License-Identifier: MIT */
/*
 * The baseline that tracks nothing: keep a copy of everything, and compare. A
 * write costs nothing more than the store.
 */
#include <stdlib.h>
#include <string.h>

#include "sources.h"

struct side {
	struct sources_ram ram;
	uint8_t *copy;
	uint64_t found;
};

static void *side_open(const struct sources_ram *ram, struct smudge_error *err)
{
	struct side *side = sources_alloc(sizeof(*side));

	side->ram = *ram;
	side->copy = sources_alloc(ram->npages * SOURCES_PAGE);
	memset(side->copy, 'C', ram->npages * SOURCES_PAGE);
	return side;
}

static void side_close(void *opaque)
{
	struct side *side = opaque;

	free(side->copy);
	free(side);
}

static void side_arm(void *opaque)
{
	struct side *side = opaque;

	memcpy(side->copy, side->ram.bytes, side->ram.npages * SOURCES_PAGE);
}

static void side_stop(void *opaque)
{
}

static void side_write(void *opaque, uint64_t npages, uint64_t stride)
{
	sources_ram_write(&((struct side *)opaque)->ram, npages, stride);
}

static void side_harvest(void *opaque)
{
	struct side *side = opaque;

	side->found = 0;
	for (uint64_t p = 0; p < side->ram.npages; p++) {
		const uint8_t *now = side->ram.bytes + p * SOURCES_PAGE;
		uint8_t *before = side->copy + p * SOURCES_PAGE;

		if (memcmp(now, before, SOURCES_PAGE) == 0)
			continue;
		memcpy(before, now, SOURCES_PAGE);
		side->found++;
	}
}

static uint64_t side_found(void *opaque)
{
	return ((struct side *)opaque)->found;
}

static const struct sources_side copy_side = {
	.open = side_open,
	.close = side_close,
	.arm = side_arm,
	.stop = side_stop,
	.write = side_write,
	.harvest = side_harvest,
	.found = side_found,
};

const struct sources_mechanism sources_copy = {
	.name = "copy and compare everything",
	.rearms_in = "harvest",
	.bare = &copy_side,
};
