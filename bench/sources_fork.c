/* SPDX-License-Identifier: MIT */
/*
 * The baseline of those who fork(2) to save: the child has the memory of that
 * moment, and the first store to each page copies it. Nothing says which pages
 * were written, so the child copies all of them. A pass ends with another fork,
 * in its take.
 */
#include <stdlib.h>
#include <string.h>

#include "bench_clock.h"
#include "sources.h"
#include "sources_child.h"

#define BUFFER_BYTES (UINT64_C(1) << 20) /* of what writes a file */

struct side {
	struct sources_ram ram;
	uint8_t *buffer;
	struct sources_child child;
};

static void *side_open(const struct sources_ram *ram, struct smudge_error *err)
{
	struct side *side = sources_alloc(sizeof(*side));

	side->ram = *ram;
	side->buffer = sources_alloc(BUFFER_BYTES);
	return side;
}

static void side_close(void *opaque)
{
	struct side *side = opaque;

	free(side->buffer);
	free(side);
}

static void copy_all(const struct side *side)
{
	uint64_t bytes = side->ram.npages * SOURCES_PAGE;

	for (uint64_t at = 0; at < bytes; at += BUFFER_BYTES) {
		uint64_t n =
			bytes - at < BUFFER_BYTES ? bytes - at : BUFFER_BYTES;

		memcpy(side->buffer, side->ram.bytes + at, n);
		/* what a write(2) of it would be */
		__asm__ volatile("" : : "r"(side->buffer) : "memory");
	}
}

static void serve(const void *opaque, int from, int to)
{
	char go;

	while (sources_child_receive(from, &go, 1)) {
		uint64_t ns = bench_now_ns();

		copy_all(opaque);
		if (!sources_child_answer(to, bench_now_ns() - ns))
			break;
	}
}

static void side_arm(void *opaque)
{
	struct side *side = opaque;

	sources_child_start(&side->child, serve, side);
}

static void side_stop(void *opaque)
{
	sources_child_end(&((struct side *)opaque)->child);
}

static void side_write(void *opaque, uint64_t npages, uint64_t stride)
{
	sources_ram_write(&((struct side *)opaque)->ram, npages, stride);
}

static void side_harvest(void *opaque)
{
	struct side *side = opaque;

	sources_child_send(&side->child, "g", 1);
	sources_child_wait(&side->child);
}

static uint64_t side_elsewhere_ns(void *opaque)
{
	return sources_child_ns(&((struct side *)opaque)->child);
}

static uint64_t side_found(void *opaque)
{
	return ((struct side *)opaque)->ram.npages;
}

static void side_take(void *opaque)
{
	side_stop(opaque);
	side_arm(opaque);
}

static const struct sources_side fork_side = {
	.open = side_open,
	.close = side_close,
	.arm = side_arm,
	.stop = side_stop,
	.write = side_write,
	.harvest = side_harvest,
	.found = side_found,
	.take = side_take,
	.elsewhere_ns = side_elsewhere_ns,
};

const struct sources_mechanism sources_fork = {
	.name = "fork",
	.rearms_in = "take",
	.bare = &fork_side,
};
