/* SPDX-License-Identifier: MIT */
/*
 * System calls that pin pages and write them later, each as a function that
 * fills memory and returns when its completion was reaped.
 */
#ifndef TESTS_KERNEL_PINNED_CALLS_H
#define TESTS_KERNEL_PINNED_CALLS_H

#include <linux/aio_abi.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PINNED_FILL 'D' /* what the calls write, byte by byte */

struct pinned_uring {
	int fd; /* -1: not open */
	uint8_t *rings;
	size_t rings_bytes;
	void *sqes;
	size_t sqes_bytes;
	_Atomic uint32_t *sq_tail, *cq_head, *cq_tail;
	uint32_t *sq_array;
	uint32_t sq_mask, cq_mask;
	uint64_t cqes_offset;
};

struct pinned_target {
	uint8_t *ram;
	size_t size_bytes;
	int fd;		 /* a file of PINNED_FILL, open with O_DIRECT */
	uint8_t *filled; /* as much of it in memory of another kind */
	aio_context_t aio;
	struct pinned_uring uring;
};

struct pinned_call {
	const char *name;
	bool stays_pinned; /* from its open to its close */
	bool is_brief;	   /* a page at a time: a loss may not show */
	/* 0, or -errno: this system does not have it. */
	int (*open)(struct pinned_target *target);
	/* Fill all of the memory. 0, or -errno. */
	int (*transfer)(struct pinned_target *target);
	void (*close)(struct pinned_target *target);
};

extern const struct pinned_call pinned_calls[];
extern const size_t npinned_calls;

/*
 * The parts of "io_uring": a read of the target's file into its memory, of
 * opcode IORING_OP_READ. One is in flight at a time. wait: the bytes that were
 * read, or -errno.
 */
int pinned_uring_open(struct pinned_target *target);
void pinned_uring_close(struct pinned_target *target);
int pinned_uring_submit(struct pinned_target *target, uint8_t opcode);
int pinned_uring_wait(struct pinned_target *target);

/* A file in the current directory, unlinked; its descriptor, or -errno. */
int pinned_open_file(size_t size_bytes);

#endif
