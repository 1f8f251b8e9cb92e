/* SPDX-License-Identifier: MIT */
/*
 * The structs of a pager. This file has no prototypes.
 *
 *	pager --< area -- region
 *
 * Pages here are those that are brought at once: the host's, or huge ones. Two
 * bits per page:
 *
 *	brought zeros
 *	   0      0    missing: its content is the program's to bring
 *	   0      1    known to be zeros
 *	   1      -    brought, or dropped: the memory's own affair
 *
 * INVARIANT: a page that is not brought has never been in the page table, so it
 * has not been seen. A page that a thread waits for and that is brought already
 * has been dropped since, and is zeros.
 *
 * Bits change under the lock of their block, together with the page table: a
 * page is installed, then its bit is set, under one lock. So a discard, which
 * sets the bits first and then drops, cannot be overtaken by old content.
 *
 * LOCKS, innermost: a block's, then the userfaultfd's (sys/uffd_use.h). Faults
 * are answered under these alone, and they are never held while the regions are
 * touched.
 */
#ifndef LIB_MEMORY_PAGER_OBJECTS_H
#define LIB_MEMORY_PAGER_OBJECTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/pager.h>

#include "memory/objects.h"
#include "sys/protections.h"
#include "sys/uffd_use.h"

/* Pages of a block: whole words of both bitmaps. */
#define SMI_PAGER_BLOCK_PAGES 512
#define SMI_PAGER_LOCKS	      64
#define SMI_PAGER_MAX_THREADS 64

struct smi_pager_area {
	struct smudge_pager *pager;
	struct smudge_region *region;
	size_t index;	     /* in the pager's */
	uint64_t start, end; /* addresses */
	uint64_t page_bytes;
	uint64_t npages;
	bool is_private_file; /* its copies are never clean */
	bool is_whole;	      /* set up: registered, and so on */
	struct smi_sys_uffd_use use;
	struct smi_sys_protections claim;
	_Atomic uint64_t *brought; /* block's lock to change */
	_Atomic uint64_t *zeros;   /* the same */
	pthread_mutex_t locks[SMI_PAGER_LOCKS];
};

struct smi_pager_counters {
	_Atomic uint64_t missing_bytes, zero_bytes, dropped_bytes;
	_Atomic uint64_t faults, zero_faults;
	_Atomic uint64_t last_fault_ns, longest_fault_ns, total_fault_ns;
};

struct smudge_pager {
	struct smudge_memory *memory;
	struct smudge_pager_options options;
	struct smi_pager_counters counters;
	uint64_t total_bytes;
	void *zeros;	      /* the largest page, of zeros */
	uint64_t zeros_bytes; /* its length */
	int end;	      /* eventfd: the threads end */
	pthread_mutex_t gate; /* held: the threads do not serve yet */
	unsigned int nthreads;
	pthread_t threads[SMI_PAGER_MAX_THREADS];
	_Atomic unsigned int nbegun; /* threads that have a number */
	pthread_mutex_t fail_lock;
	_Atomic int failure; /* fail_lock to change: 0, or -errno; then: */
	struct smudge_error why;
	size_t nareas;
	struct smi_pager_area areas[];
};

static inline bool smi_pager_bit(const _Atomic uint64_t *bits, uint64_t page)
{
	/* Acquire: pairs with the release in smi_pager_set. */
	return atomic_load_explicit(&bits[page / 64], memory_order_acquire) >>
		       (page % 64) &
	       1;
}

/* The lock of the page's block is held, so no other thread changes the word. */
static inline void smi_pager_set(_Atomic uint64_t *bits, uint64_t page)
{
	uint64_t word =
		atomic_load_explicit(&bits[page / 64], memory_order_relaxed);

	/* Release: who sees the bit sees what was done before. */
	atomic_store_explicit(&bits[page / 64],
			      word | UINT64_C(1) << (page % 64),
			      memory_order_release);
}

static inline pthread_mutex_t *smi_pager_lock(struct smi_pager_area *area,
					      uint64_t page)
{
	return &area->locks[page / SMI_PAGER_BLOCK_PAGES % SMI_PAGER_LOCKS];
}

#endif
