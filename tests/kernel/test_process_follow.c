/* SPDX-License-Identifier: MIT */
/*
 * Regions follow the mappings of another process: what appears is dirty, what
 * goes is gone, what is replaced is dirty, and everything else stays clean.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "process_place.h"

static void appears_and_goes(void)
{
	uint64_t other = at + BYTES + (1 << 20);
	uint64_t before = rig_stats(&rig).regions_appeared;

	rig_mmap(&rig, other, BYTES, RW, FIXED, -1);
	rig_store(&rig, other, 3);
	harvest_and_expect(other, N, N);
	assert_int_equal(rig_count(&rig, at, BYTES), 0);
	assert_int_equal(rig_stats(&rig).regions_appeared, before + 1);
	rig_clean(&rig);
	rig_store(&rig, other + 5 * P, 4);
	harvest_and_expect(other, N, 1);
	rig_munmap(&rig, other, BYTES);
	rig_harvest(&rig);
	assert_null(rig_region(&rig, other));
	assert_non_null(rig_region(&rig, at));
}

static void appears_in_a_look(void)
{
	uint64_t other = at + BYTES + (1 << 20);

	rig_mmap(&rig, other, BYTES, RW, FIXED, -1);
	rig_look(&rig);
	assert_int_equal(rig_count(&rig, other, BYTES), N);
	assert_int_equal(rig_count(&rig, at, BYTES), 0);
}

static void grows_at_its_end(void)
{
	struct smudge_region *region = rig_region(&rig, at);

	rig_mmap(&rig, at + BYTES, BYTES, RW, FIXED, -1);
	harvest_and_expect(at, 2 * N, N);
	assert_ptr_equal(rig_region(&rig, at), region);
	assert_ptr_equal(rig_region(&rig, at + BYTES), region);
	assert_int_equal(rig_count(&rig, at + BYTES, BYTES), N);
	rig_clean(&rig);
	rig_store(&rig, at + (N + 3) * P, 8);
	rig_store(&rig, at + 3 * P, 8);
	harvest_and_expect(at, 2 * N, 2);
}

static void shrinks_at_its_end(void)
{
	struct smudge_region *region = rig_region(&rig, at);

	rig_munmap(&rig, at + BYTES / 2, BYTES / 2);
	harvest_and_expect(at, N / 2, 0);
	assert_ptr_equal(rig_region(&rig, at), region);
	assert_int_equal(smudge_region_npages(region), N / 2);
	assert_null(rig_region(&rig, at + BYTES / 2));
	/* what comes back there is new */
	rig_mmap(&rig, at + BYTES / 2, BYTES / 2, RW, FIXED, -1);
	harvest_and_expect(at, N, N / 2);
}

static void replaced_in_the_middle(void)
{
	rig_mmap(&rig, at + 8 * P, 4 * P, RW, FIXED, -1);
	harvest_and_expect(at, N, 4);
	assert_true(rig_is_dirty(&rig, at + 8 * P));
	assert_true(rig_is_dirty(&rig, at + 11 * P));
	assert_true(rig_stats(&rig).mappings_replaced > 0);
	rig_clean(&rig);
	rig_store(&rig, at + 9 * P, 2);
	rig_store(&rig, at + 20 * P, 2);
	harvest_and_expect(at, N, 2);
}

static void replaced_before_a_look(void)
{
	rig_mmap(&rig, at + 8 * P, 4 * P, RW, FIXED, -1);
	rig_look(&rig);
	assert_true(rig_is_dirty(&rig, at + 8 * P));
	rig_clean(&rig);
	rig_look(&rig);
	assert_true(rig_is_dirty(&rig, at + 8 * P));
	rig_clean(&rig);
	harvest_and_expect(at, N, 4);
	rig_clean(&rig);
	harvest_and_expect(at, N, 0);
}

static void replaced_by_another_kind(void)
{
	int fd = rig_memfd(&rig, BYTES);

	rig_mmap(&rig, at, BYTES, RW, MAP_SHARED | MAP_FIXED, fd);
	rig_store(&rig, at + P, 9);
	harvest_and_expect(at, N, N);
	rig_clean(&rig);
	harvest_and_expect(at, N, 0);
	rig_store(&rig, at + 2 * P, 9);
	rig_madvise(&rig, at + P, P, MADV_REMOVE);
	harvest_and_expect(at, N, 2);
	assert_int_equal(rig_read(&rig, at + P), 0);
}

static void a_hole_in_the_middle(void)
{
	rig_munmap(&rig, at + 8 * P, 4 * P);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, 8 * P), 0);
	assert_null(rig_region(&rig, at + 8 * P));
	/* it may be needless, and it is not lost */
	assert_int_equal(rig_count(&rig, at + 12 * P, (N - 12) * P), N - 12);
	rig_clean(&rig);
	rig_store(&rig, at + 13 * P, 2);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at + 12 * P, (N - 12) * P), 1);
}

static void moved_away(void)
{
	uint64_t other = at + BYTES + (1 << 20);

	rig_mremap(&rig, at, BYTES, BYTES, other);
	rig_harvest(&rig);
	assert_null(rig_region(&rig, at));
	assert_int_equal(rig_count(&rig, other, BYTES), N);
	rig_clean(&rig);
	assert_int_equal(rig_read(&rig, other + 7 * P), 1);
	rig_store(&rig, other + 7 * P, 2);
	harvest_and_expect(other, N, 1);
}

/* Moved onto memory of the same kind, which the comparison cannot tell. */
static void moved_onto_another(void)
{
	uint64_t other = at + BYTES + (1 << 20);

	rig_mmap(&rig, other, BYTES, RW, FIXED, -1);
	fill(other, N);
	rig_harvest(&rig);
	rig_clean(&rig);
	rig_mremap(&rig, other, 4 * P, 4 * P, at + 16 * P);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), 4);
	assert_true(rig_is_dirty(&rig, at + 16 * P));
}

static void protected_and_back(void)
{
	struct smudge_region *region = rig_region(&rig, at);

	rig_mprotect(&rig, at + 8 * P, 4 * P, PROT_READ);
	harvest_and_expect(at, N, 0);
	rig_mprotect(&rig, at + 20 * P, 4 * P, PROT_NONE);
	harvest_and_expect(at, N, 0);
	assert_int_equal(rig_read(&rig, at + 21 * P), 1);
	rig_mprotect(&rig, at, BYTES, PROT_READ);
	harvest_and_expect(at, N, 0);
	rig_mprotect(&rig, at, BYTES, RW);
	rig_store(&rig, at + 9 * P, 3);
	harvest_and_expect(at, N, 1);
	assert_ptr_equal(rig_region(&rig, at), region);
}

static void reserved_then_writable(void)
{
	uint64_t other = at + BYTES + (1 << 20);

	rig_harvest(&rig);
	assert_null(rig_region(&rig, other));
	rig_mprotect(&rig, other, BYTES, RW);
	harvest_and_expect(other, N, N);
	rig_clean(&rig);
	rig_mprotect(&rig, other + BYTES, BYTES, RW);
	harvest_and_expect(other, 2 * N, N);
}

static void advised_in_part(void)
{
	struct smudge_region *region = rig_region(&rig, at);

	rig_madvise(&rig, at + 8 * P, 4 * P, MADV_NOHUGEPAGE);
	rig_madvise(&rig, at + 16 * P, 4 * P, MADV_DONTFORK);
	rig_store(&rig, at + 9 * P, 3);
	harvest_and_expect(at, N, 1);
	assert_ptr_equal(rig_region(&rig, at + 40 * P), region);
}

static void dropped(void)
{
	rig_madvise(&rig, at + 8 * P, 4 * P, MADV_DONTNEED);
	harvest_and_expect(at, N, 4);
	rig_clean(&rig);
	rig_madvise(&rig, at + 20 * P, P, MADV_DONTNEED);
	rig_load(&rig, at + 20 * P);
	harvest_and_expect(at, N, 1);
}

static void the_heap(void)
{
	uint64_t end = rig_sbrk(&rig, 64 * (int64_t)P);

	rig_store(&rig, end, 3);
	rig_harvest(&rig);
	assert_true(rig_is_dirty(&rig, end));
	rig_clean(&rig);
	rig_sbrk(&rig, 16 * (int64_t)P);
	rig_harvest(&rig);
	assert_false(rig_is_dirty(&rig, end));
	assert_int_equal(rig_count(&rig, end + 64 * P, 15 * P), 15);
	rig_sbrk(&rig, -80 * (int64_t)P);
	rig_harvest(&rig);
	assert_null(rig_region(&rig, end + 8 * P));
}

/* Memory gained in front has regions of its own, until these become one. */
static void grows_in_front(void)
{
	uint64_t before = rig_stats(&rig).nregions;

	for (uint64_t i = 1; i <= 40; i++) {
		rig_mmap(&rig, at - i * P, P, RW, FIXED, -1);
		rig_store(&rig, at - i * P, 2);
		rig_harvest(&rig);
		assert_true(rig_is_dirty(&rig, at - i * P));
		rig_clean(&rig);
		rig_store(&rig, at + P, 3);
		rig_harvest(&rig);
		assert_true(rig_is_dirty(&rig, at + P));
		rig_clean(&rig);
	}
	assert_true(rig_stats(&rig).nregions < before + 20);
	rig_store(&rig, at - 2 * P, 3);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at - 40 * P, 40 * P), 1);
}

RIG_CASE(appears_and_goes)
RIG_CASE(appears_in_a_look)
RIG_CASE(grows_at_its_end)
RIG_CASE(shrinks_at_its_end)
RIG_CASE(replaced_in_the_middle)
RIG_CASE(replaced_before_a_look)
RIG_CASE(replaced_by_another_kind)
RIG_CASE(a_hole_in_the_middle)
RIG_CASE(moved_away)
RIG_CASE(moved_onto_another)
RIG_CASE(protected_and_back)
RIG_CASE(reserved_then_writable)
RIG_CASE(advised_in_part)
RIG_CASE(dropped)
RIG_CASE(the_heap)
RIG_CASE(grows_in_front)

RIG_MAIN(case_appears_and_goes, case_appears_in_a_look, case_grows_at_its_end,
	 case_shrinks_at_its_end, case_replaced_in_the_middle,
	 case_replaced_before_a_look, case_replaced_by_another_kind,
	 case_a_hole_in_the_middle, case_moved_away, case_moved_onto_another,
	 case_protected_and_back, case_reserved_then_writable,
	 case_advised_in_part, case_dropped, case_the_heap, case_grows_in_front)
