/* SPDX-License-Identifier: MIT */
/*
 * A region over userfaultfd whose end moves: what each source must do, and
 * dropped content in new memory of files.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "resize_rig.h"
#include "track.h"

static struct smudge_source *make(struct resize_rig *r)
{
	struct smudge_source *source;

	(void)r;
	test_need_uffd();
	assert_int_equal(smudge_uffd_create(&source, NULL), 0);
	return source;
}

static void test_heap(void **state)
{
	struct resize_rig r = {.make = make, .is_exact = true};

	resize_rig_check_heap(&r);
}

/* New memory of a memfd, private or shared: dropped content is reported. */
static void grow_by_file(int flags, int advice)
{
	static const uint64_t dropped[] = {7, 2000, 2999};
	int fd = memfd_create("resize", MFD_CLOEXEC);
	struct resize_rig r = {.make = make, .is_exact = true};

	assert_return_code(fd, errno);
	assert_int_equal(ftruncate(fd, 2000 * RESIZE_PAGE), 0);
	resize_rig_open(&r);
	resize_rig_map(&r, RESIZE_NPAGES, 3000, flags, fd);
	for (int i = 1; i < 3; i++)
		resize_rig_touch(&r, dropped[i]); /* before it is tracked */
	resize_rig_resize(&r, 3000);
	resize_rig_clean(&r);
	resize_rig_touch(&r, dropped[0]);
	resize_rig_clean(&r);
	resize_rig_expect(&r, NULL, 0);
	assert_int_equal(
		madvise(r.ram + 7 * RESIZE_PAGE, RESIZE_PAGE, MADV_DONTNEED),
		0);
	for (int i = 1; i < 3; i++)
		assert_int_equal(madvise(r.ram + dropped[i] * RESIZE_PAGE,
					 RESIZE_PAGE, advice),
				 0);
	resize_rig_harvest(&r);
	for (int i = 0; i < 3; i++)
		assert_true(smudge_client_test(r.client, r.region, dropped[i]));
	assert_int_equal(smudge_client_dirty_pages(r.client), 3);
	resize_rig_clean(&r);
	/* cut within the file's pages, then behind them */
	resize_rig_resize(&r, 2500);
	resize_rig_unmap(&r, 2500, 3000);
	resize_rig_touch(&r, 2000);
	resize_rig_expect(&r, &dropped[1], 1);
	resize_rig_resize(&r, RESIZE_NPAGES);
	resize_rig_unmap(&r, RESIZE_NPAGES, 2500);
	resize_rig_touch(&r, 7);
	resize_rig_expect(&r, dropped, 1);
	resize_rig_close(&r);
	close(fd);
}

static void test_private_file(void **state)
{
	grow_by_file(MAP_PRIVATE, MADV_DONTNEED);
}

static void test_shared_file(void **state)
{
	grow_by_file(MAP_SHARED, MADV_REMOVE);
}

static void test_refusals(void **state)
{
	struct resize_rig r = {.make = make, .is_exact = true};

	resize_rig_check_refusals(&r, "uffd");
}

static void test_huge_pages(void **state)
{
	struct resize_rig r = {.make = make, .is_exact = true};

	resize_rig_check_huge(&r);
}

static void test_live_writer(void **state)
{
	struct resize_rig r = {.make = make, .is_exact = true};

	resize_rig_check_live_writer(&r);
}

TEST_MAIN(test_heap, test_private_file, test_shared_file, test_refusals,
	  test_live_writer, test_huge_pages)
