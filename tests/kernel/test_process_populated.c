/* SPDX-License-Identifier: MIT */
/*
 * Which pages of another process hold something, while it is tracked: of memory
 * that it touched in part, dropped, shares by a memfd, or maps of a file; and
 * when it has ended.
 */
#include <string.h>
#include <sys/mman.h>

#include <smudge/populated.h>

#include "process_rig.h"
#include "support.h"

#define P     ((uint64_t)RIG_PAGE)
#define N     64
#define BYTES (N * P)
#define RW    (PROT_READ | PROT_WRITE)
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)

static const struct smudge_process_options by_uffd = {
	.size = sizeof(by_uffd), .method = SMUDGE_PROCESS_UFFD};

static struct process_rig rig;
static uint64_t anonymous, shared, copied;

static void touch_some(uint64_t at)
{
	rig_store(&rig, at + 3 * P, 1);
	rig_store(&rig, at + 4 * P, 1);
	rig_store(&rig, at + 40 * P, 1);
}

static void open_rig(void)
{
	uint64_t room;

	test_need_uffd();
	process_rig_start(&rig);
	room = rig_mmap(&rig, 0, 16 << 20, PROT_NONE, ANON, -1);
	anonymous = rig_mmap(&rig, room + (1 << 20), BYTES, RW,
			     ANON | MAP_FIXED, -1);
	rig_madvise(&rig, anonymous, BYTES, MADV_NOHUGEPAGE);
	shared = rig_mmap(&rig, room + (4 << 20), BYTES, RW,
			  MAP_SHARED | MAP_FIXED, rig_memfd(&rig, BYTES));
	copied = rig_mmap(&rig, room + (8 << 20), BYTES, RW,
			  MAP_PRIVATE | MAP_FIXED, rig_memfd(&rig, BYTES));
	touch_some(anonymous);
	touch_some(shared);
	touch_some(copied);
	process_rig_track(&rig, &by_uffd);
	rig_harvest(&rig);
	rig_clean(&rig);
}

static void close_rig(void)
{
	process_rig_stop(&rig);
}

/* Bit i is page i. */
static uint64_t populated(uint64_t at)
{
	struct smudge_region *region = rig_region(&rig, at);
	uint64_t bits = 0, first, end;
	struct smudge_run run;
	int ret = 1;

	assert_non_null(region);
	first = (at - smudge_region_gpa(region)) / P;
	end = first + N;
	for (uint64_t from = first; from < end;
	     from = run.first_page + run.npages) {
		ret = smudge_region_next_populated(region, from, end, &run,
						   NULL);
		if (ret <= 0)
			break;
		assert_true(run.first_page >= from && run.npages &&
			    run.first_page + run.npages <= end);
		for (uint64_t i = 0; i < run.npages; i++)
			bits |= UINT64_C(1) << (run.first_page - first + i);
	}
	assert_true(ret >= 0);
	return bits;
}

#define SOME (UINT64_C(3) << 3 | UINT64_C(1) << 40)
#define ALL  (~UINT64_C(0))

static void kinds(void)
{
	assert_int_equal(populated(anonymous), SOME);
	assert_int_equal(populated(shared), SOME);
	assert_int_equal(populated(copied), ALL);
}

/* Asking populates nothing, and later pages are found. */
static void later(void)
{
	for (int i = 0; i < 2; i++) {
		rig_store(&rig, anonymous + 60 * P, 1);
		rig_store(&rig, shared + 60 * P, 1);
		assert_int_equal(populated(anonymous), SOME | UINT64_C(1)
								       << 60);
		assert_int_equal(populated(shared), SOME | UINT64_C(1) << 60);
	}
}

/* A page that is dropped leaves its protection behind. */
static void dropped(void)
{
	rig_madvise(&rig, anonymous + 3 * P, P, MADV_DONTNEED);
	rig_madvise(&rig, shared + 3 * P, P, MADV_DONTNEED);
	assert_int_equal(populated(anonymous), SOME & ~(UINT64_C(1) << 3));
	assert_int_equal(populated(shared), SOME);
	rig_madvise(&rig, shared + 3 * P, P, MADV_REMOVE);
	assert_int_equal(populated(shared), SOME & ~(UINT64_C(1) << 3));
}

/* What cannot be read is not called zeros. */
static void ended(void)
{
	rig_exit(&rig);
	assert_int_equal(populated(anonymous), ALL);
}

RIG_CASE(kinds)
RIG_CASE(later)
RIG_CASE(dropped)
RIG_CASE(ended)

RIG_MAIN(case_kinds, case_later, case_dropped, case_ended)
