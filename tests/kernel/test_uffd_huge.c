/* SPDX-License-Identifier: MIT */
/*
 * Huge pages under the userfaultfd source: transparent ones are split by the
 * first store and reported by the page, those of hugetlbfs are reported
 * whole. Nothing written is missing either way.
 */
#include <string.h>
#include <sys/mman.h>

#include "track.h"

#define HUGE_BYTES (UINT64_C(2) << 20)
#define HUGE_PAGES (HUGE_BYTES / 4096)
#define NHUGE	   3
#define BYTES	   (NHUGE * HUGE_BYTES)

struct fixture {
	struct track track;
	struct smudge_source *source;
	struct smudge_client *client;
	uint8_t *ram;
};

static void open_fixture(struct fixture *f, uint8_t *ram)
{
	struct smudge_error err = {0};

	f->ram = ram;
	memset(ram, 1, BYTES);
	track_open(&f->track, ram, 0, BYTES / 4096, 12);
	assert_int_equal(smudge_uffd_create(&f->source, &err), 0);
	track_attach(&f->track, f->source, 0, 0);
	f->client = track_client(&f->track, "test");
	track_clean(&f->track, f->client);
	track_harvest(&f->track);
	track_expect_none(&f->track, f->client);
}

static void close_fixture(struct fixture *f)
{
	assert_int_equal(smudge_client_close(f->client), 0);
	smudge_source_destroy(f->source);
	track_close(&f->track);
}

static void touch(struct fixture *f, uint64_t page)
{
	*(volatile uint8_t *)(f->ram + page * 4096 + 5) = 9;
}

static void report(struct fixture *f, bool is_look)
{
	if (is_look)
		track_look(&f->track);
	else
		track_harvest(&f->track);
}

/* Whether the kernel gives huge pages here or not, the result is the same. */
static void test_transparent(void **state)
{
	struct fixture f;
	uint8_t *map, *ram;

	test_need_uffd();
	map = mmap(NULL, BYTES + HUGE_BYTES, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	ram = map + (HUGE_BYTES - (uintptr_t)map % HUGE_BYTES);
	madvise(ram, BYTES, MADV_HUGEPAGE);
	open_fixture(&f, ram);
	for (int round = 0; round < 2; round++) {
		touch(&f, 7);
		touch(&f, HUGE_PAGES - 1);
		touch(&f, 2 * HUGE_PAGES + 100);
		for (int look = 1; look >= 0; look--) {
			report(&f, look);
			track_expect(&f.track, f.client, 7, HUGE_PAGES - 1,
				     2 * HUGE_PAGES + 100);
			track_clean(&f.track, f.client);
		}
		track_harvest(&f.track);
		track_expect_none(&f.track, f.client);
	}
	close_fixture(&f);
	munmap(map, BYTES + HUGE_BYTES);
}

static void test_hugetlbfs(void **state)
{
	struct smudge_region *region;
	struct fixture f;
	uint8_t *ram;

	test_need_uffd();
	ram = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26, -1, 0);
	if (ram == MAP_FAILED)
		test_skip_without("hugetlbfs",
				  "3 huge pages of 2 MiB are not to be had");
	open_fixture(&f, ram);
	region = f.track.region;
	for (int round = 0; round < 2; round++) {
		touch(&f, HUGE_PAGES + 44);
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
	close_fixture(&f);
	munmap(ram, BYTES);
}

TEST_MAIN(test_transparent, test_hugetlbfs)
