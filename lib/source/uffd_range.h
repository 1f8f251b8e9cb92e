/* SPDX-License-Identifier: MIT */
/*
 * The range of a userfaultfd source: registered and write-protected from its
 * start to its end, which may move while it runs.
 */
#ifndef LIB_SOURCE_UFFD_RANGE_H
#define LIB_SOURCE_UFFD_RANGE_H

#include <stdint.h>

#include <smudge/source.h>

#include "source/drops.h"
#include "source/uffd_fds.h"
#include "sys/pagemap.h"

/*
 * Calls are made for windows that end at multiples of 1 GiB, so that no huge
 * page crosses one (a page of hugetlbfs cannot be protected in part). A window
 * is bounded because the kernel holds the address space's lock for it, and
 * because every 512 runs of a scan invalidate KVM's page tables for the rest of
 * it. A scan of 1 GiB takes 0.4 ms, its first protection 8 ms.
 */
#define SMI_UFFD_WINDOW_BYTES (UINT64_C(1) << 30)

/* Runs fetched by one call; the kernel copies out 512 at a time. */
#define SMI_UFFD_MAX_RUNS 2048

/* Attempts at a call that a signal or a fork of another thread disturbs. */
#define SMI_UFFD_MAX_ATTEMPTS 1000

struct smi_uffd {
	struct smi_uffd_fds fds; /* open between start and stop */
	uint64_t start;		 /* addresses, end exclusive */
	uint64_t end;
	struct smi_sys_page_run
		*runs;		/* SMI_UFFD_MAX_RUNS, between start and stop */
	struct smi_drops drops; /* between start and stop */
	/*
	 * LOST: a target's memory cannot be armed now, for this reason; or 0.
	 * Then the source reports all of it, and each harvest tries again.
	 * Changed under the region's lock.
	 */
	_Atomic int *lost_code;
	_Atomic int own_lost_code; /* for a target that does not ask */
};

static inline bool smi_uffd_is_lost(const struct smi_uffd *u)
{
	/* Relaxed: the region's lock orders it. */
	return atomic_load_explicit(u->lost_code, memory_order_relaxed) != 0;
}

/* The end of the window that @from is in, or @limit. */
static inline uint64_t smi_uffd_window_end(uint64_t from, uint64_t limit)
{
	uint64_t end = (from | (SMI_UFFD_WINDOW_BYTES - 1)) + 1;

	return end && end < limit ? end : limit;
}

/*
 * The source's operations: struct smudge_source_ops has the contract. After a
 * failure the source is not started, or its range is what it was.
 */
int smi_uffd_start(struct smi_uffd *u, const struct smudge_source_range *range,
		   struct smudge_error *err);
void smi_uffd_stop(struct smi_uffd *u);
int smi_uffd_grow(struct smi_uffd *u, const struct smudge_source_range *range,
		  struct smudge_error *err);
void smi_uffd_shrink(struct smi_uffd *u,
		     const struct smudge_source_range *range);

/* Write-protect a part of the range, in windows. Return: 0 or -errno. */
int smi_uffd_protect(const struct smi_uffd *u, uint64_t start, uint64_t end,
		     struct smudge_error *err);

/*
 * Register, protect and learn all of a target's range again, whatever is mapped
 * there now. All of it is to be reported. Return: 0, also if it is lost;
 * -ESRCH, -ENOMEM, and it is lost.
 */
int smi_uffd_restart(struct smi_uffd *u, struct smudge_error *err);

#endif
