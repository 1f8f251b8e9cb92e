/* SPDX-License-Identifier: MIT */
/*
 * Mappings of another process that may not be written, but hold pages of its
 * own: they are regions if that is asked for, from the first such page to the
 * last, and writes are detected when they may be written again.
 */
#include <string.h>
#include <sys/mman.h>

#include "process_rig.h"
#include "source/soft_dirty_bits.h"
#include "support.h"

#define P     ((uint64_t)RIG_PAGE)
#define N     16
#define BYTES (N * P)
#define R     PROT_READ
#define RW    (PROT_READ | PROT_WRITE)
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)

static struct smudge_process_options options;
static struct process_rig rig;
/* Pages 3 to 5 have content, and all may only be read. */
static uint64_t anonymous, file;

static void make_readonly(uint64_t at)
{
	for (int i = 3; i <= 5; i++)
		rig_store(&rig, at + i * P, (uint8_t)i);
	rig_mprotect(&rig, at, BYTES, R);
}

static void open_rig(void)
{
	uint64_t room;

	process_rig_start(&rig);
	room = rig_mmap(&rig, 0, 8 << 20, PROT_NONE, ANON, -1);
	anonymous = rig_mmap(&rig, room + (1 << 20), BYTES, RW,
			     ANON | MAP_FIXED, -1);
	rig_madvise(&rig, anonymous, BYTES, MADV_NOHUGEPAGE);
	file = rig_mmap(&rig, room + (4 << 20), BYTES, RW,
			MAP_PRIVATE | MAP_FIXED, rig_memfd(&rig, BYTES));
	make_readonly(anonymous);
	make_readonly(file);
	process_rig_track(&rig, &options);
	rig_harvest(&rig);
	rig_clean(&rig);
}

static void close_rig(void)
{
	process_rig_stop(&rig);
}

static void expect_region(uint64_t at, uint64_t first, uint64_t end)
{
	struct smudge_region *region = rig_region(&rig, at + first * P);

	assert_non_null(region);
	assert_int_equal(smudge_region_gpa(region), at + first * P);
	assert_int_equal(smudge_region_npages(region), end - first);
	assert_null(rig_region(&rig, at + (first - 1) * P));
	assert_null(rig_region(&rig, at + end * P));
}

/* All of the process's own, and the rest has no region. */
static void regions(void)
{
	expect_region(anonymous, 3, 6);
	expect_region(file, 3, 6);
	for (int i = 3; i <= 5; i++) {
		assert_int_equal(rig_read(&rig, anonymous + i * P), i);
		assert_int_equal(rig_read(&rig, file + i * P), i);
	}
	rig_harvest(&rig);
	expect_region(anonymous, 3, 6);
	expect_region(file, 3, 6);
	assert_int_equal(rig_count(&rig, anonymous + 3 * P, 3 * P), 0);
	/* Soft-dirty bits know only files that can be reached by their path. */
	assert_int_equal(rig_count(&rig, file + 3 * P, 3 * P),
			 options.method == SMUDGE_PROCESS_UFFD ? 0 : 3);
}

static void write_again(uint64_t at)
{
	rig_mprotect(&rig, at, BYTES, RW);
	rig_store(&rig, at + 4 * P, 44);
	rig_store(&rig, at + 9 * P, 99);
	rig_mprotect(&rig, at, BYTES, R);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at + 3 * P, 3 * P), 1);
	assert_true(rig_is_dirty(&rig, at + 4 * P));
	assert_true(rig_is_dirty(&rig, at + 9 * P));
	assert_int_equal(rig_read(&rig, at + 4 * P), 44);
	assert_int_equal(rig_read(&rig, at + 9 * P), 99);
	rig_clean(&rig);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at + 3 * P, 3 * P), 0);
	assert_false(rig_is_dirty(&rig, at + 9 * P));
	rig_mprotect(&rig, at, BYTES, RW);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at + 3 * P, 3 * P), 0);
	assert_int_equal(rig_count(&rig, at + 10 * P, 6 * P), 6);
	rig_clean(&rig);
	rig_store(&rig, at + 15 * P, 1);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), 1);
	rig_clean(&rig);
}

static void written_again(void)
{
	write_again(anonymous);
	write_again(file);
}

/* What was written before the first harvest that sees it is all dirty. */
static void appears(void)
{
	uint64_t at = rig_mmap(&rig, 0, BYTES, RW, ANON, -1);

	make_readonly(at);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at + 3 * P, 3 * P), 3);
	rig_clean(&rig);
	rig_munmap(&rig, at, BYTES);
	rig_harvest(&rig);
	assert_null(rig_region(&rig, at + 3 * P));
}

/* Reading mapped a page of zeros, which does not count. */
static void unused(void)
{
	uint64_t at = rig_mmap(&rig, 0, BYTES, R, ANON, -1);

	rig_madvise(&rig, at, BYTES, MADV_NOHUGEPAGE);
	rig_load(&rig, at + 3 * P);
	rig_harvest(&rig);
	assert_null(rig_region(&rig, at + 3 * P));
}

static void not_asked_for(void)
{
	process_rig_stop(&rig);
	options.unwritable = false;
	open_rig();
	options.unwritable = true;
	assert_null(rig_region(&rig, anonymous + 3 * P));
	assert_null(rig_region(&rig, file + 3 * P));
}

RIG_CASE(regions)
RIG_CASE(written_again)
RIG_CASE(appears)
RIG_CASE(unused)
RIG_CASE(not_asked_for)

static void by_uffd(void **state)
{
	test_need_uffd();
	options = (struct smudge_process_options){.size = sizeof(options),
						  .method = SMUDGE_PROCESS_UFFD,
						  .unwritable = true};
	case_regions(state);
	case_written_again(state);
	case_appears(state);
	case_unused(state);
	case_not_asked_for(state);
}

static void by_soft_dirty(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	if (smi_soft_dirty_probe(&err) < 0)
		test_skip_without("soft-dirty", err.message);
	options = (struct smudge_process_options){
		.size = sizeof(options),
		.method = SMUDGE_PROCESS_SOFT_DIRTY,
		.unwritable = true};
	case_regions(state);
	case_appears(state);
	case_not_asked_for(state);
}

RIG_MAIN(by_uffd, by_soft_dirty)
