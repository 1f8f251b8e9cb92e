/* SPDX-License-Identifier: MIT */
/*
 * Dropped content of memory that is not private anonymous: exact pages where
 * mappings of several kinds meet, at the edges of what is looked at at once,
 * and what is unsure without CAP_SYS_ADMIN.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/falloc.h>

#include "drops_rig.h"
#include "kinds.h"
#include "support.h"

/* ---- mappings of several kinds in one source -------------------------- */

/* Pages: 0-69 anonymous, 70-169 private, 170-199 anonymous, 200-332 shared. */
static bool map_several(struct drops_rig *r)
{
	int private_fd = drops_memfd(100), shared_fd = drops_memfd(133);

	r->npages = 333;
	r->ram = drops_reserve(r->npages);
	CHECK(r->ram != MAP_FAILED && private_fd >= 0 && shared_fd >= 0);
	drops_map_at(r->ram, 200, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	drops_map_at(r->ram + 70 * PAGE, 100, MAP_PRIVATE, private_fd);
	drops_map_at(r->ram + 200 * PAGE, 133, MAP_SHARED, shared_fd);
	memset(r->ram, 'W', r->npages * PAGE);
	close(private_fd);
	close(shared_fd);
	return true;
}

static bool drop_at_borders(void *opaque)
{
	static const uint64_t pages[] = {69,  70,  133, 134, 169,
					 170, 200, 263, 264, 332};
	struct drops_rig r = {0};

	CHECK(map_several(&r) && drops_open_rig(&r));
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 6; i++)
			CHECK(drops_drop(&r, pages[i], MADV_DONTNEED));
		for (size_t i = 6; i < 10; i++)
			CHECK(drops_drop(&r, pages[i], MADV_REMOVE));
		CHECK(drops_harvest(&r) && drops_expect(&r, pages, 10));
		for (size_t i = 0; i < 10; i++)
			CHECK(r.ram[pages[i] * PAGE] == 0);
		/* reading settles what was unsure */
		CHECK(drops_harvest(&r) && drops_clean(&r));
		CHECK(drops_harvest(&r) && drops_expect(&r, NULL, 0));
		for (size_t i = 0; i < 10; i++)
			r.ram[pages[i] * PAGE] = 'W';
		CHECK(drops_harvest(&r) && drops_expect(&r, pages, 10));
	}
	munmap(r.ram, r.npages * PAGE);
	return drops_close_rig(&r);
}

static void test_borders(void **state)
{
	test_need_uffd();
	run_as(false, drop_at_borders, NULL);
}

static void test_borders_as_nobody(void **state)
{
	test_need_uffd();
	run_as(true, drop_at_borders, NULL);
}

/* ---- chunks of 4096 pages, windows of 1 GiB --------------------------- */

#define GIB_PAGES ((UINT64_C(1) << 30) / PAGE)
#define OFFSET	  20000 /* of the memory from a multiple of 1 GiB, in pages */

/* Two windows end in it. */
static bool map_three_windows(struct drops_rig *r, int flags)
{
	uint8_t *map = drops_reserve(4 * GIB_PAGES);
	int fd;

	r->npages = 2 * GIB_PAGES + 17;
	fd = drops_memfd(r->npages);
	CHECK(map != MAP_FAILED && fd >= 0);
	r->ram =
		map +
		(GIB_PAGES - (uintptr_t)map / PAGE % GIB_PAGES + OFFSET) * PAGE;
	drops_map_at(r->ram, r->npages, flags, fd);
	close(fd);
	return true;
}

static bool drop_far_apart(struct drops_rig *r, int flags, int advice)
{
	static const uint64_t pages[8] = {
		0,
		4095,
		4096,
		GIB_PAGES - OFFSET - 1,
		GIB_PAGES - OFFSET,
		2 * GIB_PAGES - OFFSET - 1,
		2 * GIB_PAGES - OFFSET,
		2 * GIB_PAGES + 16,
	};

	CHECK(map_three_windows(r, flags));
	for (int i = 0; i < 8; i++)
		r->ram[pages[i] * PAGE] = 'W';
	CHECK(drops_open_rig(r));
	for (int i = 0; i < 8; i++)
		CHECK(drops_drop(r, pages[i], advice));
	CHECK(drops_harvest(r) && drops_expect(r, pages, 8));
	munmap(r->ram, r->npages * PAGE);
	return drops_close_rig(r);
}

static bool drop_private_far_apart(void *opaque)
{
	struct drops_rig r = {0};

	return drop_far_apart(&r, MAP_PRIVATE, MADV_DONTNEED);
}

static bool drop_shared_far_apart(void *opaque)
{
	struct drops_rig r = {0};

	return drop_far_apart(&r, MAP_SHARED, MADV_REMOVE);
}

static void test_windows(void **state)
{
	test_need_uffd();
	run_as(false, drop_private_far_apart, NULL);
	run_as(false, drop_shared_far_apart, NULL);
}

/* ---- pieces of 32 MiB, which are asked about before they are scanned ---- */

#define PIECE_PAGES ((UINT64_C(32) << 20) / PAGE)

/* @border: a page where a piece begins, with one before and two behind it */
static bool touch_around(struct drops_rig *r, uint64_t border)
{
	const uint64_t pages[] = {border - 1, border, border + PIECE_PAGES + 5,
				  border + 2 * PIECE_PAGES};

	for (int round = 0; round < 2; round++) {
		CHECK(drops_harvest(r) && drops_expect(r, NULL, 0));
		CHECK(drops_drop(r, pages[1], MADV_REMOVE));
		CHECK(drops_drop(r, pages[2], MADV_REMOVE));
		r->ram[pages[0] * PAGE] = 'X';
		r->ram[pages[3] * PAGE] = 'X';
		CHECK(drops_harvest(r) && drops_expect(r, pages, 4));
		r->ram[pages[1] * PAGE] = 'W';
		r->ram[pages[2] * PAGE] = 'W';
		CHECK(drops_harvest(r) && drops_expect(r, pages + 1, 2));
	}
	return true;
}

static bool touch_pieces(void *opaque)
{
	struct drops_rig r = {.npages = 3 * PIECE_PAGES + 17};
	int fd = drops_memfd(r.npages);

	r.ram = drops_reserve(r.npages);
	CHECK(fd >= 0 && r.ram != MAP_FAILED);
	drops_map_at(r.ram, r.npages, MAP_SHARED, fd);
	close(fd);
	memset(r.ram, 'W', r.npages * PAGE);
	CHECK(drops_open_rig(&r));
	CHECK(touch_around(&r, PIECE_PAGES -
				       (uintptr_t)r.ram / PAGE % PIECE_PAGES));
	munmap(r.ram, r.npages * PAGE);
	return drops_close_rig(&r);
}

static void test_pieces(void **state)
{
	test_need_uffd();
	run_as(false, touch_pieces, NULL);
}

/* ---- what is unsure, and how it is counted ---------------------------- */

static bool count_sure(void *opaque)
{
	const uint64_t pages[] = {3, 4};
	struct drops_rig r = {0};

	CHECK(drops_open_private(&r, 64));
	CHECK(madvise(r.ram + 3 * PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
	CHECK(drops_harvest(&r) && drops_expect(&r, pages, 2));
	CHECK(drops_harvest(&r) && drops_expect(&r, NULL, 0));
	CHECK(drops_read_stats(&r));
	CHECK(r.stats.dropped_pages == 2 && r.stats.unsure_pages == 0);
	return drops_close_rig(&r);
}

static void test_sure(void **state)
{
	test_need_uffd();
	run_as(false, count_sure, NULL);
}

/* A process that may make no file larger: the attempt is a signal to it. */
static bool count_with_no_file_size(void *opaque)
{
	const struct rlimit none = {0, 0};
	const uint64_t page = 3;
	struct drops_rig r = {.npages = 64};
	int fd = drops_memfd(r.npages);

	r.ram = drops_reserve(r.npages);
	CHECK(fd >= 0 && r.ram != MAP_FAILED);
	drops_map_at(r.ram, r.npages, MAP_PRIVATE, fd);
	memset(r.ram, 'W', 32 * PAGE);
	CHECK(setrlimit(RLIMIT_FSIZE, &none) == 0);
	CHECK(drops_open_rig(&r));
	CHECK(drops_drop(&r, page, MADV_DONTNEED));
	CHECK(drops_harvest(&r) && drops_expect(&r, &page, 1));
	CHECK(drops_read_stats(&r));
	CHECK(r.stats.dropped_pages == 1 && r.stats.unsure_pages == 0);
	close(fd);
	return drops_close_rig(&r);
}

static void test_no_file_size(void **state)
{
	test_need_uffd();
	run_as(false, count_with_no_file_size, NULL);
}

/* Reported until they are mapped again; pages that had no copy never are. */
static bool count_unsure(void *opaque)
{
	const uint64_t pages[] = {3, 4};
	struct drops_rig r = {0};

	CHECK(drops_open_private(&r, 64));
	CHECK(madvise(r.ram + 3 * PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(drops_harvest(&r) && drops_expect(&r, pages, 2));
	CHECK(drops_read_stats(&r));
	CHECK(r.stats.dropped_pages == 0 && r.stats.unsure_pages == 6);
	CHECK(r.ram[3 * PAGE] == 0 && r.ram[4 * PAGE] == 0);
	CHECK(drops_harvest(&r) && drops_expect(&r, pages, 2));
	CHECK(drops_harvest(&r) && drops_expect(&r, NULL, 0));
	CHECK(drops_read_stats(&r));
	CHECK(r.stats.dropped_pages == 2 && r.stats.unsure_pages == 6);
	return drops_close_rig(&r);
}

static void test_unsure_as_nobody(void **state)
{
	test_need_uffd();
	run_as(true, count_unsure, NULL);
}

/* ---- tracking that ends and begins ------------------------------------- */

/* No marker of the first time is taken for a page in swap by the second. */
static bool track_twice(void *opaque)
{
	const uint64_t page = 3;
	struct drops_rig r = {0};

	CHECK(drops_open_private(&r, 64));
	CHECK(drops_drop(&r, page, MADV_DONTNEED));
	CHECK(drops_harvest(&r) && drops_expect(&r, &page, 1));
	CHECK(drops_close_rig(&r) && drops_open_rig(&r));
	r.ram[page * PAGE] = 'W';
	CHECK(drops_harvest(&r) && drops_expect(&r, &page, 1));
	CHECK(drops_drop(&r, page, MADV_DONTNEED));
	CHECK(drops_harvest(&r) && drops_expect(&r, &page, 1));
	return drops_close_rig(&r);
}

static void test_twice(void **state)
{
	test_need_uffd();
	run_as(false, track_twice, NULL);
	run_as(true, track_twice, NULL);
}

/* ---- pages that are unmapped ------------------------------------------- */

/* No content is left to report, nor a mapping whose loss is an error. */
static bool unmap_pages(void *opaque)
{
	const uint64_t pages[] = {100, 220};
	struct drops_rig r = {0};

	CHECK(map_several(&r) && drops_open_rig(&r));
	CHECK(munmap(r.ram + 5 * PAGE, PAGE) == 0);
	CHECK(munmap(r.ram + 100 * PAGE, PAGE) == 0);
	CHECK(munmap(r.ram + 220 * PAGE, PAGE) == 0);
	CHECK(drops_harvest(&r) && drops_expect(&r, pages, 2));
	CHECK(drops_harvest(&r) && drops_expect(&r, NULL, 0));
	return drops_close_rig(&r);
}

static void test_unmapped(void **state)
{
	test_need_uffd();
	run_as(false, unmap_pages, NULL);
	run_as(true, unmap_pages, NULL);
}

/* ---- a file of another user ------------------------------------------- */

/*
 * Drops of mapped pages are reported all the same. But mincore(2) answers
 * "resident" for every page of this file, so the drop of a page that was
 * unmapped first is not reported.
 */
static bool drop_in_roots_file(void *opaque)
{
	const uint64_t pages[] = {3, 4};
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct drops_rig r = {.npages = 64, .ram = drops_reserve(64)};
	int fd = *(int *)opaque;

	drops_map_at(r.ram, r.npages, MAP_SHARED, fd);
	memset(r.ram, 'W', r.npages * PAGE);
	CHECK(drops_open_rig(&r));
	CHECK(fallocate(fd, mode, 3 * PAGE, 2 * PAGE) == 0);
	CHECK(drops_harvest(&r) && drops_expect(&r, pages, 2));
	CHECK(drops_drop(&r, 9, MADV_DONTNEED));
	CHECK(drops_harvest(&r) && drops_is_dirty(&r, 9) && drops_clean(&r));
	CHECK(fallocate(fd, mode, 9 * PAGE, PAGE) == 0);
	CHECK(drops_harvest(&r) && drops_expect(&r, NULL, 0));
	return drops_close_rig(&r);
}

static void test_file_of_root_as_nobody(void **state)
{
	char path[] = "/tmp/smudge-drops-XXXXXX";
	int fd;

	test_need_uffd();
	fd = mkostemp(path, O_CLOEXEC);
	assert_return_code(fd, 0);
	unlink(path);
	assert_int_equal(ftruncate(fd, 64 * PAGE), 0);
	run_as(true, drop_in_roots_file, &fd);
	close(fd);
}

TEST_MAIN(test_borders, test_borders_as_nobody, test_windows, test_pieces,
	  test_sure, test_no_file_size, test_unsure_as_nobody, test_twice,
	  test_unmapped, test_file_of_root_as_nobody)
