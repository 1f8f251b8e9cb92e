/* SPDX-License-Identifier: MIT */
/*
 * The memory of another process: a child, which has a copy of the memory and
 * stores to it when it is told. The library attaches to the child as to any
 * process. For the bare calls the child makes and arms a userfaultfd itself,
 * and this process makes the ioctl on the child's pagemap.
 */
#include <stdio.h>
#include <stdlib.h>

#include <smudge/process.h>

#include "bench_clock.h"
#include "bench_program.h"
#include "sources_child.h"
#include "sources_library.h"
#include "sources_uffd.h"

enum work {
	WRITE,
	ARM,
	STOP,
	END
};

struct order {
	enum work what;
	uint64_t npages, stride;
};

struct library {
	struct sources_library lib;
	struct sources_child target;
	struct smudge_process *process; /* between arm and stop */
};

struct bare {
	struct sources_ram ram;
	struct sources_child target;
	struct sources_uffd_scan scan;
};

/* ---- the child -------------------------------------------------------- */

static void obey(const struct sources_ram *ram, void *uffd,
		 const struct order *order)
{
	if (order->what == WRITE)
		sources_ram_write(ram, order->npages, order->stride);
	else if (order->what == ARM)
		sources_uffd_bare.arm(uffd);
	else
		sources_uffd_bare.stop(uffd);
}

static void serve(const void *opaque, int from, int to)
{
	const struct sources_ram *ram = opaque;
	struct smudge_error err = {0};
	void *uffd = sources_uffd_bare.open(ram, &err);
	struct order order;

	/* so that no page is shared with the parent any more */
	sources_ram_write(ram, ram->npages, 1);
	while (sources_child_receive(from, &order, sizeof(order)) &&
	       order.what != END) {
		uint64_t ns = bench_now_ns();

		obey(ram, uffd, &order);
		if (!sources_child_answer(to, bench_now_ns() - ns))
			break;
	}
}

/* ---- its parent ------------------------------------------------------- */

static void tell(struct sources_child *target, enum work what, uint64_t npages,
		 uint64_t stride)
{
	const struct order order = {what, npages, stride};

	sources_child_send(target, &order, sizeof(order));
	if (what != END)
		sources_child_wait(target);
}

static void start_target(struct sources_child *target,
			 const struct sources_ram *ram)
{
	sources_child_start(target, serve, ram);
	tell(target, WRITE, 0, 1); /* it is ready when it answers */
	sources_child_ns(target);
}

/* Another child may have our end of the pipe, so closing it is not enough. */
static void end_target(struct sources_child *target)
{
	tell(target, END, 0, 1);
	sources_child_end(target);
}

/* ---- the library ------------------------------------------------------ */

static int attach(struct library *side, struct smudge_error *err)
{
	const struct sources_ram *ram = &side->lib.ram;
	const struct smudge_process_options options = {
		.size = sizeof(options),
		.select = SMUDGE_PROCESS_RANGE,
		.first_address = (uintptr_t)ram->bytes,
		.end_address = (uintptr_t)ram->bytes + SOURCES_PAGE,
	};

	return smudge_process_open(side->lib.memory, side->target.pid, &options,
				   &side->process, err);
}

static void detach(struct library *side)
{
	struct smudge_error err = {0};

	bench_must(smudge_process_close(side->process, &err), err.message);
}

static void library_close(void *opaque)
{
	struct library *side = opaque;

	end_target(&side->target);
	sources_library_free(side);
}

/* With a trial, since not every processor and kernel can do it. */
static void *library_open(const struct sources_ram *ram,
			  struct smudge_error *err)
{
	struct library *side = sources_alloc(sizeof(*side));

	start_target(&side->target, ram);
	sources_library_begin(&side->lib, ram);
	if (attach(side, err) < 0) {
		library_close(side);
		return NULL;
	}
	detach(side);
	return side;
}

static void library_arm(void *opaque)
{
	struct library *side = opaque;
	struct smudge_error err = {0};

	bench_must(attach(side, &err), err.message);
	smudge_memory_regions(side->lib.memory, &side->lib.region, 1);
	sources_library_arm(side);
}

static void library_stop(void *opaque)
{
	sources_library_stop(opaque);
	detach(opaque);
}

static void library_write(void *opaque, uint64_t npages, uint64_t stride)
{
	struct library *side = opaque;

	tell(&side->target, WRITE, npages, stride);
}

/* The mappings first, as a program does it. */
static void library_harvest_all(void *opaque)
{
	struct library *side = opaque;
	struct smudge_error err = {0};

	bench_must(smudge_process_harvest(side->process, &err), err.message);
}

static uint64_t library_elsewhere_ns(void *opaque)
{
	return sources_child_ns(&((struct library *)opaque)->target);
}

/* ---- the bare calls --------------------------------------------------- */

static void *bare_open(const struct sources_ram *ram, struct smudge_error *err)
{
	struct bare *bare = sources_alloc(sizeof(*bare));
	char path[64];

	bare->ram = *ram;
	start_target(&bare->target, ram);
	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)bare->target.pid);
	sources_uffd_scan_open(&bare->scan, path);
	return bare;
}

static void bare_close(void *side)
{
	struct bare *bare = side;

	sources_uffd_scan_close(&bare->scan);
	end_target(&bare->target);
	free(bare);
}

static void bare_arm(void *side)
{
	tell(&((struct bare *)side)->target, ARM, 0, 1);
}

static void bare_stop(void *side)
{
	tell(&((struct bare *)side)->target, STOP, 0, 1);
}

static void bare_write(void *side, uint64_t npages, uint64_t stride)
{
	tell(&((struct bare *)side)->target, WRITE, npages, stride);
}

static void bare_harvest(void *side)
{
	struct bare *bare = side;

	sources_uffd_scan(&bare->scan, &bare->ram);
}

static uint64_t bare_found(void *side)
{
	return ((struct bare *)side)->scan.found;
}

static uint64_t bare_elsewhere_ns(void *side)
{
	return sources_child_ns(&((struct bare *)side)->target);
}

#define LIBRARY_SIDE(harvests)                                                \
	{                                                                     \
		.open = library_open, .close = library_close,                 \
		.arm = library_arm, .stop = library_stop,                     \
		.write = library_write, .harvest = (harvests),                \
		.found = sources_library_found, .take = sources_library_take, \
		.elsewhere_ns = library_elsewhere_ns,                         \
	}

static const struct sources_side scan_side =
	LIBRARY_SIDE(sources_library_harvest);
static const struct sources_side follow_side =
	LIBRARY_SIDE(library_harvest_all);

static const struct sources_side bare_side = {
	.open = bare_open,
	.close = bare_close,
	.arm = bare_arm,
	.stop = bare_stop,
	.write = bare_write,
	.harvest = bare_harvest,
	.found = bare_found,
	.elsewhere_ns = bare_elsewhere_ns,
};

const struct sources_mechanism sources_process = {
	.name = "process, its region",
	.rearms_in = "harvest",
	.must = 1.10,
	.library = &scan_side,
	.bare = &bare_side,
};

const struct sources_mechanism sources_process_follow = {
	.name = "process, its mappings compared first",
	.rearms_in = "harvest",
	.must = 1.10,
	.library = &follow_side,
	.bare = &bare_side,
};
