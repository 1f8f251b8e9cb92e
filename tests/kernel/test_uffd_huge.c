/* SPDX-License-Identifier: MIT */
/*
 * Huge pages under the userfaultfd source: transparent ones are split by the
 * first store and reported by the page, those of hugetlbfs are reported
 * whole. Nothing written is missing either way.
 */
#include <string.h>
#include <sys/mman.h>

#include "uffd_track.h"

#define HUGE_BYTES (UINT64_C(2) << 20)
#define HUGE_PAGES (HUGE_BYTES / 4096)
#define NHUGE	   3
#define BYTES	   (NHUGE * HUGE_BYTES)

static void report(struct uffd_track *f, bool is_look)
{
	if (is_look)
		track_look(&f->track);
	else
		track_harvest(&f->track);
}

/* The result is the same whether or not the kernel maps huge pages here. */
static void test_transparent(void **state)
{
	struct uffd_track f;
	uint8_t *map, *ram;

	test_need_uffd();
	map = mmap(NULL, BYTES + HUGE_BYTES, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	ram = map + (HUGE_BYTES - (uintptr_t)map % HUGE_BYTES);
	madvise(ram, BYTES, MADV_HUGEPAGE);
	memset(ram, 1, BYTES);
	uffd_track_open(&f, ram, BYTES / 4096, 12);
	for (int round = 0; round < 2; round++) {
		uffd_track_touch(&f, 7);
		uffd_track_touch(&f, HUGE_PAGES - 1);
		uffd_track_touch(&f, 2 * HUGE_PAGES + 100);
		for (int look = 1; look >= 0; look--) {
			report(&f, look);
			track_expect(&f.track, f.client, 7, HUGE_PAGES - 1,
				     2 * HUGE_PAGES + 100);
			track_clean(&f.track, f.client);
		}
		track_harvest(&f.track);
		track_expect_none(&f.track, f.client);
	}
	uffd_track_close(&f);
	munmap(map, BYTES + HUGE_BYTES);
}

static void test_hugetlbfs(void **state)
{
	struct smudge_region *region;
	struct uffd_track f;
	uint8_t *ram;

	test_need_uffd();
	ram = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26, -1, 0);
	if (ram == MAP_FAILED)
		test_skip_without("hugetlbfs",
				  "3 huge pages of 2 MiB are not to be had");
	memset(ram, 1, BYTES);
	uffd_track_open(&f, ram, BYTES / 4096, 12);
	region = f.track.region;
	for (int round = 0; round < 2; round++) {
		uffd_track_touch(&f, HUGE_PAGES + 44);
		for (int look = 1; look >= 0; look--) {
			report(&f, look);
			assert_true(smudge_client_all(f.client, region,
						      HUGE_PAGES, HUGE_PAGES));
			assert_int_equal(smudge_client_dirty_pages(f.client),
					 HUGE_PAGES);
			track_clean(&f.track, f.client);
		}
		track_harvest(&f.track);
		track_expect_none(&f.track, f.client);
	}
	uffd_track_close(&f);
	munmap(ram, BYTES);
}

TEST_MAIN(test_transparent, test_hugetlbfs)
