/* SPDX-License-Identifier: MIT */
/*
 * What can happen to tracked memory, and what userfaultfd makes of it, for
 * every kind of memory.
 */
#ifndef TESTS_KERNEL_KIND_EVENTS_H
#define TESTS_KERNEL_KIND_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/client.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#include "kinds.h"

#define MAX_KINDS  10
#define MAX_EVENTS 32

/* Memory of one kind, tracked for one client. */
struct cell {
	struct kind_memory m;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_client *client;
};

/*
 * Each cell has a letter for each class of pages: own, seen, idle, hole.
 *
 *	x  changed and reported
 *	.  neither
 *	o  reported for nothing
 *	L  changed and not reported
 *
 * or E: the harvest failed, and everything is dirty; or R: the source does not
 * start; or F: the call fails, because the memory is tracked; or -: the event
 * does not exist for the kind. Kinds are in the order of kinds.c. What no
 * source detects is the same where it is not given: without swap a page that is
 * not mapped cannot be mistaken.
 */
struct event {
	const char *name;
	/* for each page, and then a harvest; may be NULL */
	bool (*before)(struct cell *c, uint8_t *page);
	/* false: not for this kind */
	bool (*happen)(struct cell *c, uint8_t *page);
	/* false: not on this machine, so it is not compared; may be NULL */
	bool (*exists)(void);
	bool changes_own; /* before: own pages are the file's again */
	bool is_wide;	  /* more pages than the four are affected */
	bool is_marked;	  /* it marks: only the first look reports that */
	const char *expected[MAX_KINDS];
	bool with_swap; /* for_nobody holds on a machine with swap */
	const char *for_nobody[MAX_KINDS];
	/* also right: on Linux 6.12 ext4 maps pages one by one, and a forced
	 * write does not make copies of the pages of hugetlbfs */
	const char *older[MAX_KINDS];
};

extern const struct event events[];
extern const size_t nevents;

#endif
