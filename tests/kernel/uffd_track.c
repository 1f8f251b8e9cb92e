/* SPDX-License-Identifier: MIT */
/*
 * Opens and closes the region, its source and its client. The client skips
 * everything before the first harvest, which arms all pages.
 */
#include "uffd_track.h"

#include <string.h>
#include <sys/mman.h>

void uffd_track_open(struct uffd_track *u, uint8_t *ram, uint64_t npages,
		     unsigned int page_shift)
{
	struct smudge_error err = {0};

	test_need_uffd();
	u->ram = ram;
	u->mapped_bytes = 0;
	track_open(&u->track, ram, 0, npages, page_shift);
	assert_int_equal(smudge_uffd_create(&u->source, &err), 0);
	track_attach(&u->track, u->source, 0, 0);
	u->client = track_client(&u->track, "test");
	track_clean(&u->track, u->client);
	track_harvest(&u->track);
	track_expect_none(&u->track, u->client);
}

void uffd_track_map(struct uffd_track *u, int flags, unsigned int page_shift)
{
	const uint64_t bytes = UFFD_TRACK_PAGES * 4096;
	uint8_t *ram;

	test_need_uffd();
	ram = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS,
		   -1, 0);
	assert_ptr_not_equal(ram, MAP_FAILED);
	memset(ram, 1, bytes / 2);
	uffd_track_open(u, ram, bytes >> page_shift, page_shift);
	u->mapped_bytes = bytes;
}

void uffd_track_close(struct uffd_track *u)
{
	assert_int_equal(smudge_client_close(u->client), 0);
	smudge_source_destroy(u->source);
	track_close(&u->track);
	if (u->mapped_bytes)
		munmap(u->ram, u->mapped_bytes);
}

void uffd_track_touch(struct uffd_track *u, uint64_t page)
{
	*(volatile uint8_t *)(u->ram + page * 4096 + 77) = 9;
}
