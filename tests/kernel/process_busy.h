/* SPDX-License-Identifier: MIT */
/*
 * A process that never rests, unless it is told to: its threads write, and its
 * mappings come, go, grow, move and are replaced.
 */
#ifndef TESTS_KERNEL_PROCESS_BUSY_H
#define TESTS_KERNEL_PROCESS_BUSY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PAGE	 4096
#define NPLACES	 8
#define NPAGES	 96 /* of a place, at most */
#define NTHREADS 3

/* What the child and the test share: a page for orders. */
struct shared {
	_Atomic bool is_to_rest;
	_Atomic int nresting; /* threads that stand */
	_Atomic bool is_over;
	_Atomic uint64_t nchanges;
	/* changed while all rest, but by the thread that changes mappings */
	uint64_t start[NPLACES];
	_Atomic uint64_t npages[NPLACES];
	_Atomic uint64_t nwrites;
};

/* Be that process, in a child; it draws everything from the seed. */
void busy_run(struct shared *with, uint64_t from_seed);

#endif
