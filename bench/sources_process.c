/* SPDX-License-Identifier: MIT */
/*
 * The memory of another process: a child, which has a copy of the memory and
 * stores to it when it is told. The library attaches to the child as to any
 * process. For the bare calls the child makes and arms a userfaultfd itself,
 * and this process makes the ioctl on the child's pagemap.
 *
 * A child is told what to do by a pipe, and answers by another with the
 * processor time that it took. It ends when it is told, or with the pipe.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/process.h>

#include "bench_clock.h"
#include "bench_program.h"
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

struct target {
	pid_t pid;
	int request, answer; /* our ends of the pipes */
	uint64_t ns;	     /* of the child, for the last call */
};

struct library {
	struct sources_library lib;
	struct target target;
	struct smudge_process *process; /* between arm and stop */
};

struct bare {
	struct sources_ram ram;
	struct target target;
	struct sources_uffd_scan scan;
};

/* ---- the child -------------------------------------------------------- */

/* Return: false when the other end is closed. */
static bool read_all(int fd, void *into, size_t bytes)
{
	ssize_t n;

	do {
		n = read(fd, into, bytes);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)bytes;
}

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

static _Noreturn void be_target(const struct sources_ram *ram, int from, int to)
{
	struct smudge_error err = {0};
	void *uffd = sources_uffd_bare.open(ram, &err);
	struct order order;

	/* so that no page is shared with the parent any more */
	sources_ram_write(ram, ram->npages, 1);
	while (read_all(from, &order, sizeof(order)) && order.what != END) {
		uint64_t ns = bench_now_ns();

		obey(ram, uffd, &order);
		ns = bench_now_ns() - ns;
		if (write(to, &ns, sizeof(ns)) != sizeof(ns))
			break;
	}
	_exit(0);
}

/* ---- its parent ------------------------------------------------------- */

static void request(const struct target *target, enum work what,
		    uint64_t npages, uint64_t stride)
{
	const struct order order = {what, npages, stride};

	sources_must(write(target->request, &order, sizeof(order)),
		     "the child");
}

static void tell(struct target *target, enum work what, uint64_t npages,
		 uint64_t stride)
{
	request(target, what, npages, stride);
	bench_must(read_all(target->answer, &target->ns, sizeof(target->ns))
			   ? 0
			   : -EPIPE,
		   "the child");
}

static uint64_t target_ns(struct target *target)
{
	uint64_t ns = target->ns;

	target->ns = 0;
	return ns;
}

static void start_target(struct target *target, const struct sources_ram *ram)
{
	int down[2], up[2];

	sources_must(pipe2(down, O_CLOEXEC), "a pipe");
	sources_must(pipe2(up, O_CLOEXEC), "a pipe");
	target->pid = fork();
	sources_must(target->pid, "fork");
	if (target->pid == 0) {
		close(down[1]);
		close(up[0]);
		be_target(ram, down[0], up[1]);
	}
	close(down[0]);
	close(up[1]);
	target->request = down[1];
	target->answer = up[0];
	tell(target, WRITE, 0, 1); /* it is ready when it answers */
	target->ns = 0;
}

/* Another child may have our end of the pipe, so closing it is not enough. */
static void end_target(const struct target *target)
{
	request(target, END, 0, 1);
	close(target->request);
	close(target->answer);
	while (waitpid(target->pid, NULL, 0) < 0 && errno == EINTR)
		;
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
	return target_ns(&((struct library *)opaque)->target);
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
	return target_ns(&((struct bare *)side)->target);
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
