/* SPDX-License-Identifier: MIT */
/*
 * A source over a model of a kernel that arms pages, and of I/O into pinned
 * ones. A page is armed or written. A store, and the pinning for an I/O, make
 * an armed page written, which is what the source reports. When the I/O lands
 * nothing is detected: the page was written, for the kernel, as it was pinned.
 *
 * It re-arms in one of two ways, as the library's own sources do: as it
 * reports (userfaultfd), or as pages are taken, and then only what it had
 * reported (KVM's log with manual protection; all pages are written at its
 * start, as with KVM_DIRTY_LOG_INITIALLY_SET).
 */
#ifndef TESTS_SUPPORT_ARMED_SOURCE_H
#define TESTS_SUPPORT_ARMED_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/source.h>

struct armed_source {
	struct smudge_source *source;
	uint64_t first_page; /* of its range, in the region */
	uint64_t npages;
	uint64_t max_npages;
	bool grows_with_region;
	bool rearms_at_take;
	uint8_t *written;  /* per page: not armed */
	uint8_t *reported; /* per page: reported, re-armed by the next rearm */
	uint64_t nrearmed; /* pages that rearm made armed */
	unsigned int harvests, looks, rearms;
	int look_error; /* negative: the next looks fail so, half way */
	int rearm_error;
	int grow_error;
	unsigned int grows, shrinks;
};

/* The struct is cleared first. Without @has_look the operation is missing. */
void armed_create(struct armed_source *armed, uint64_t npages,
		  bool rearms_at_take, bool has_look);
/* The same, and it can follow its region's end, up to @max_npages. */
void armed_create_room(struct armed_source *armed, uint64_t npages,
		       uint64_t max_npages, bool rearms_at_take, bool has_look);
void armed_destroy(struct armed_source *armed);

/* A store, or an I/O that pins the page: reported until it is armed again. */
void armed_touch(struct armed_source *armed, uint64_t page);

#endif
