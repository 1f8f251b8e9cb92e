/* SPDX-License-Identifier: MIT */
/*
 * A place in another process that is tracked: N pages, all written and then
 * clean, with room around them for mappings that come and go.
 */
#ifndef TESTS_KERNEL_PROCESS_PLACE_H
#define TESTS_KERNEL_PROCESS_PLACE_H

#include <sys/mman.h>

#include "process_rig.h"
#include "support.h"

#define P     ((uint64_t)RIG_PAGE)
#define N     64
#define BYTES (N * P)
#define RW    (PROT_READ | PROT_WRITE)
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)
#define FIXED (ANON | MAP_FIXED)

extern struct process_rig rig;
extern uint64_t room; /* 1 MiB of addresses without access before @at */
extern uint64_t at;   /* N pages, all written, and room behind them */

/* Of each case: by userfaultfd. */
void open_rig(void);
void close_rig(void);

/* The other process stores to @npages pages. */
void fill(uint64_t from, uint64_t npages);
void harvest_and_expect(uint64_t from, uint64_t npages, uint64_t ndirty);

#endif
