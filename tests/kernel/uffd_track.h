/* SPDX-License-Identifier: MIT */
/*
 * Memory tracked by userfaultfd, with one client: what the exact tests of that
 * source begin with.
 */
#ifndef TESTS_KERNEL_UFFD_TRACK_H
#define TESTS_KERNEL_UFFD_TRACK_H

#include "track.h"

#define UFFD_TRACK_PAGES 8192 /* of 4 KiB, that uffd_track_map() maps */

struct uffd_track {
	struct track track;
	struct smudge_source *source;
	struct smudge_client *client;
	uint8_t *ram;
	uint64_t mapped_bytes; /* to be unmapped by uffd_track_close() */
};

/*
 * Over memory of the caller's; everything is clean for the client, and armed.
 * The second maps anonymous memory, of which the first half is populated;
 * @flags is MAP_PRIVATE or MAP_SHARED. Both skip the test without userfaultfd.
 */
void uffd_track_open(struct uffd_track *u, uint8_t *ram, uint64_t npages,
		     unsigned int page_shift);
void uffd_track_map(struct uffd_track *u, int flags, unsigned int page_shift);
void uffd_track_close(struct uffd_track *u);

/* Store into a page of 4 KiB. */
void uffd_track_touch(struct uffd_track *u, uint64_t page);

#endif
