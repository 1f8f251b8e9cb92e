/* SPDX-License-Identifier: MIT */
/*
 * Private memory of a file in swap: its content is there, unless it is dropped
 * there. As root the source knows which; as user nobody it is unsure, and
 * reports the page either way.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "drops_rig.h"
#include "kinds.h"
#include "support.h"

/* Linux 5.4 */
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static bool is_in_swap(const struct drops_rig *r, uint64_t page)
{
	uint64_t word = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	off_t at = (off_t)(((uintptr_t)r->ram / PAGE + page) * sizeof(word));
	bool ok = pread(fd, &word, sizeof(word), at) == sizeof(word);

	close(fd);
	return ok && word >> 62 == 1;
}

static bool swap_out(struct drops_rig *r, uint64_t page)
{
	for (int i = 0; i < 100 && !is_in_swap(r, page); i++) {
		CHECK(drops_drop(r, page, MADV_PAGEOUT));
		usleep(10000);
	}
	return is_in_swap(r, page);
}

/* The marker's word tells a page in swap from a dropped one. */
static bool swap_as_root(void *opaque)
{
	const uint64_t page = 5;
	struct drops_rig r = {0};

	CHECK(drops_open_private(&r, 64) && swap_out(&r, page));
	CHECK(drops_harvest(&r) && drops_expect(&r, NULL, 0));
	CHECK(drops_drop(&r, page, MADV_DONTNEED));
	CHECK(drops_harvest(&r) && drops_expect(&r, &page, 1));
	CHECK(drops_harvest(&r) && drops_expect(&r, NULL, 0));
	return drops_close_rig(&r);
}

/* It may have been dropped, and then it is: both are reported. */
static bool swap_as_nobody(void *opaque)
{
	const uint64_t page = 5;
	struct drops_rig r = {0};

	CHECK(drops_open_private(&r, 64) && swap_out(&r, page));
	CHECK(drops_harvest(&r) && drops_expect(&r, &page, 1));
	CHECK(drops_drop(&r, page, MADV_DONTNEED));
	CHECK(drops_harvest(&r) && drops_expect(&r, &page, 1));
	CHECK(r.ram[page * PAGE] == 0 && drops_harvest(&r) && drops_clean(&r));
	r.ram[page * PAGE] = 'W';
	CHECK(drops_harvest(&r) && drops_expect(&r, &page, 1) &&
	      swap_out(&r, page));
	CHECK(drops_harvest(&r) && drops_expect(&r, &page, 1));
	CHECK(r.ram[page * PAGE] == 'W');
	CHECK(drops_harvest(&r) && drops_expect(&r, NULL, 0));
	return drops_close_rig(&r);
}

/* A copy that was in swap before the source started is known all the same. */
static bool swapped_at_start(void *opaque)
{
	const uint64_t page = 2;
	struct drops_rig r = {.npages = 64, .ram = drops_reserve(64)};
	int fd = drops_memfd(64);

	CHECK(fd >= 0 && r.ram != MAP_FAILED);
	drops_map_at(r.ram, 64, MAP_PRIVATE, fd);
	close(fd);
	r.ram[page * PAGE] = 'W';
	CHECK(swap_out(&r, page) && drops_start_tracking(&r));
	CHECK(drops_drop(&r, page, MADV_DONTNEED));
	CHECK(drops_harvest(&r) && drops_expect(&r, &page, 1));
	return drops_close_rig(&r);
}

static void test_swap(void **state)
{
	struct sysinfo info;

	test_need_uffd();
	if (sysinfo(&info) < 0 || !info.totalswap)
		test_skip_without("swap", "this machine has no swap");
	run_as(false, swap_as_root, NULL);
	run_as(true, swap_as_nobody, NULL);
	run_as(false, swapped_at_start, NULL);
	run_as(true, swapped_at_start, NULL);
}

TEST_MAIN(test_swap)
