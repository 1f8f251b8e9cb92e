/* SPDX-License-Identifier: MIT */
/*
 * Pages that were written since another program armed them, by looking: nothing
 * of the process is changed, and nothing is armed again.
 */
#ifndef TOOLS_RATE_LOOK_H
#define TOOLS_RATE_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

enum rate_look_kind {
	/* pages that a userfaultfd of the asynchronous mode protects, by
	   PAGEMAP_SCAN (Linux 6.7) */
	RATE_LOOK_ARMED,
	/* soft-dirty bits, which are of all memory of the process */
	RATE_LOOK_SOFT_DIRTY,
};

struct rate_look {
	int pagemap; /* owned; -1: none */
	enum rate_look_kind kind;
};

/*
 * rate_look_open - of the program that the process runs now
 * Return: 0, or -errno of /proc/PID/pagemap.
 */
int rate_look_open(struct rate_look *ret_look, pid_t pid,
		   enum rate_look_kind kind);
void rate_look_close(struct rate_look *look);

/*
 * rate_look_each - find runs of pages that were written
 * @address, @size_bytes: where; of whole pages
 * @each: is given the first page's address, and how many pages follow
 *
 * Return: 0, -EPERM (not armed: it cannot be known), -ENOTTY (no PAGEMAP_SCAN)
 * or another -errno.
 */
int rate_look_each(const struct rate_look *look, uint64_t address,
		   uint64_t size_bytes,
		   void (*each)(void *opaque, uint64_t address,
				uint64_t npages),
		   void *opaque);

/*
 * rate_look_has_soft_dirty - does this kernel have such bits?
 *
 * Tried on a page of this process.
 */
bool rate_look_has_soft_dirty(void);

#endif
