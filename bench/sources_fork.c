/* SPDX-License-Identifier: MIT */
/*
 * The baseline of those who fork(2) to save: the child has the memory of that
 * moment, and the first store to each page copies it. Nothing says which pages
 * were written, so the child copies all of them. A pass ends with another fork,
 * in its take.
 *
 * The child is told what to do by a pipe, and answers by another with the
 * processor time that it took; it ends with the pipe.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_clock.h"
#include "sources.h"

#define BUFFER_BYTES (UINT64_C(1) << 20) /* of what writes a file */

struct side {
	struct sources_ram ram;
	uint8_t *buffer;
	pid_t child;
	int request, answer; /* the parent's ends of the pipes */
	uint64_t ns;	     /* of the child, for the last harvest */
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

/* Return: false when the other end is closed. */
static bool read_all(int fd, void *into, size_t bytes)
{
	ssize_t n;

	do {
		n = read(fd, into, bytes);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)bytes;
}

static _Noreturn void be_child(const struct side *side, int from, int to)
{
	uint64_t ns;
	char go;

	while (read_all(from, &go, 1)) {
		ns = bench_now_ns();
		copy_all(side);
		ns = bench_now_ns() - ns;
		if (write(to, &ns, sizeof(ns)) != sizeof(ns))
			break;
	}
	_exit(0);
}

static void side_arm(void *opaque)
{
	struct side *side = opaque;
	int down[2], up[2];

	sources_must(pipe2(down, O_CLOEXEC), "a pipe");
	sources_must(pipe2(up, O_CLOEXEC), "a pipe");
	side->child = fork();
	sources_must(side->child, "fork");
	if (side->child == 0) {
		close(down[1]);
		close(up[0]);
		be_child(side, down[0], up[1]);
	}
	close(down[0]);
	close(up[1]);
	side->request = down[1];
	side->answer = up[0];
}

static void side_stop(void *opaque)
{
	struct side *side = opaque;

	close(side->request);
	close(side->answer);
	while (waitpid(side->child, NULL, 0) < 0 && errno == EINTR)
		;
}

static void side_write(void *opaque, uint64_t npages, uint64_t stride)
{
	sources_ram_write(&((struct side *)opaque)->ram, npages, stride);
}

static void side_harvest(void *opaque)
{
	struct side *side = opaque;

	sources_must(write(side->request, "g", 1), "the child");
	if (!read_all(side->answer, &side->ns, sizeof(side->ns))) {
		errno = EPIPE;
		sources_must(-1, "the child");
	}
}

static uint64_t side_elsewhere_ns(void *opaque)
{
	struct side *side = opaque;
	uint64_t ns = side->ns;

	side->ns = 0;
	return ns;
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
