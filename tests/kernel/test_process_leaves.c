/* SPDX-License-Identifier: MIT */
/*
 * Regions of another process that cannot go yet, a process that executes
 * another program, one that ends, and memory that has a userfaultfd of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "process/step.h"
#include "process_place.h"

static void a_held_region_stays(void)
{
	struct smudge_region *region = rig_region(&rig, at);

	smudge_region_hold(region);
	rig_munmap(&rig, at, BYTES);
	rig_harvest(&rig);
	assert_ptr_equal(rig_region(&rig, at), region);
	/* what comes there meanwhile is in it, and dirty */
	rig_mmap(&rig, at + 4 * P, 2 * BYTES, RW, FIXED, -1);
	rig_store(&rig, at + 4 * P, 6);
	rig_harvest(&rig);
	assert_ptr_equal(rig_region(&rig, at + 4 * P), region);
	assert_true(rig_is_dirty(&rig, at + 4 * P));
	assert_true(rig_is_dirty(&rig, at + BYTES));
	assert_int_equal(rig_read(&rig, at + 4 * P), 6);
	smudge_region_release(region);
	rig_harvest(&rig);
	assert_null(rig_region(&rig, at));
	assert_int_equal(rig_count(&rig, at + 4 * P, 2 * BYTES), 2 * N);
}

static void a_batch_keeps_a_region(void)
{
	struct smudge_region *region = rig_region(&rig, at);
	struct smudge_batch *batch;

	rig_store(&rig, at, 2);
	rig_harvest(&rig);
	assert_int_equal(smudge_batch_create(0, &batch, NULL), 0);
	assert_int_equal(
		smudge_client_take(rig.client, region, 0, N, batch, NULL), 0);
	rig_munmap(&rig, at, BYTES);
	rig_harvest(&rig);
	assert_ptr_equal(rig_region(&rig, at), region);
	assert_int_equal(smudge_client_commit(rig.client, batch), 0);
	assert_int_equal(smudge_batch_destroy(batch), 0);
	rig_harvest(&rig);
	assert_null(rig_region(&rig, at));
}

static void another_program(void)
{
	struct smudge_process_stats stats;
	struct smudge_region *old = rig_region(&rig, at);
	uint64_t other;
	uint8_t byte;

	smudge_region_hold(old);
	rig_exec(&rig);
	assert_int_equal(smudge_region_read_bytes(old, 0, 1, &byte, NULL),
			 -ESRCH);
	smudge_region_release(old);
	other = rig_mmap(&rig, 0, BYTES, RW, ANON, -1);
	rig_harvest(&rig);
	stats = rig_stats(&rig);
	assert_int_equal(stats.execs, 1);
	assert_false(stats.has_ended);
	assert_int_equal(rig_count(&rig, other, BYTES), N);
	rig_clean(&rig);
	rig_store(&rig, other + P, 4);
	harvest_and_expect(other, N, 1);
	assert_int_equal(rig_read(&rig, other + P), 4);
}

static void (*meanwhile)(struct process_rig *r);

static void do_when_refreshed(const char *step)
{
	if (strcmp(step, "refreshed") != 0)
		return;
	smi_step_hook = NULL;
	meanwhile(&rig);
}

/* The harvest is of the other program, from its beginning. */
static void another_program_meanwhile(void)
{
	uint64_t other;

	meanwhile = rig_exec;
	smi_step_hook = do_when_refreshed;
	rig_harvest(&rig);
	assert_null(smi_step_hook);
	assert_int_equal(rig_stats(&rig).execs, 1);
	other = rig_mmap(&rig, 0, BYTES, RW, ANON, -1);
	harvest_and_expect(other, N, N);
	rig_clean(&rig);
	rig_store(&rig, other + P, 4);
	harvest_and_expect(other, N, 1);
}

static void ended_meanwhile(void)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	meanwhile = rig_exit;
	smi_step_hook = do_when_refreshed;
	assert_int_equal(smudge_process_harvest(rig.process, &err), -ESRCH);
	assert_non_null(strstr(err.message, "has ended"));
	assert_null(smi_step_hook);
	assert_true(rig_stats(&rig).has_ended);
}

static void ended(void)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint8_t byte;

	rig_exit(&rig);
	assert_int_equal(smudge_process_harvest(rig.process, &err), -ESRCH);
	assert_non_null(strstr(err.message, "has ended"));
	assert_true(rig_stats(&rig).has_ended);
	assert_int_equal(smudge_process_look(rig.process, &err), -ESRCH);
	assert_non_null(rig_region(&rig, at));
	assert_int_equal(smudge_region_read_bytes(rig_region(&rig, at), 0, 1,
						  &byte, &err),
			 -ESRCH);
}

/* Memory with a userfaultfd of the process's own is dirty at each harvest. */
static void has_an_own_userfaultfd(void)
{
	uint64_t other = at + BYTES + (1 << 20);

	/* A sanitizer's own memory is too large to be tracked. */
	struct smudge_process_stats before = rig_stats(&rig);

	rig_mmap(&rig, other, BYTES, RW, FIXED, -1);
	rig_own_uffd(&rig, other, BYTES);
	for (int i = 0; i < 3; i++) {
		harvest_and_expect(other, N, N);
		assert_int_equal(rig_count(&rig, at, BYTES), 0);
		rig_clean(&rig);
	}
	rig_look(&rig);
	assert_int_equal(rig_count(&rig, other, BYTES), N);
	assert_int_equal(rig_stats(&rig).untracked_mappings,
			 before.untracked_mappings + 1);
	assert_int_equal(rig_stats(&rig).untracked_pages,
			 before.untracked_pages + N);
	/* and tracked again when that has gone */
	rig_mmap(&rig, other, BYTES, RW, FIXED, -1);
	harvest_and_expect(other, N, N);
	rig_clean(&rig);
	harvest_and_expect(other, N, 0);
	assert_int_equal(rig_stats(&rig).untracked_mappings,
			 before.untracked_mappings);
}

/* Pages before, the page that cannot be tracked, and pages behind it. */
static void expect_neighbours_are_tracked(uint64_t from,
					  uint64_t npages_untracked)
{
	uint64_t behind = from + BYTES + P;

	/* what appears is tried as one, and apart when it was refused */
	for (int i = 0; i < 2; i++) {
		rig_harvest(&rig);
		rig_clean(&rig);
	}
	rig_store(&rig, from + 3 * P, 5);
	rig_store(&rig, behind + 7 * P, 5);
	harvest_and_expect(from, N, 1);
	assert_int_equal(rig_count(&rig, behind, BYTES), 1);
	assert_int_equal(rig_count(&rig, from + BYTES, P), npages_untracked);
	assert_true(rig_is_dirty(&rig, from + 3 * P));
	assert_true(rig_is_dirty(&rig, behind + 7 * P));
	rig_clean(&rig);
	harvest_and_expect(from, N, 0);
	assert_int_equal(rig_count(&rig, behind, BYTES), 0);
}

static void beside_an_own_userfaultfd(void)
{
	struct smudge_process_stats before = rig_stats(&rig);
	uint64_t other = at + BYTES + (1 << 20);

	/* behind what is tracked, and alone */
	rig_mmap(&rig, at + BYTES, BYTES + P, RW, FIXED, -1);
	rig_own_uffd(&rig, at + BYTES, P);
	expect_neighbours_are_tracked(at, 1);
	rig_mmap(&rig, other, 2 * BYTES + P, RW, FIXED, -1);
	rig_own_uffd(&rig, other + BYTES, P);
	expect_neighbours_are_tracked(other, 1);
	assert_int_equal(rig_stats(&rig).untracked_mappings,
			 before.untracked_mappings + 2);
	assert_int_equal(rig_stats(&rig).untracked_pages,
			 before.untracked_pages + 2);
	/* tracked again when it has gone */
	rig_mmap(&rig, other + BYTES, P, RW, FIXED, -1);
	rig_harvest(&rig);
	rig_clean(&rig);
	harvest_and_expect(other, 2 * N + 1, 0);
}

/* Of the kernel's own kinds that look like any memory. Linux 6.11. */
static void beside_droppable_memory(void)
{
	const int droppable = 0x08 | MAP_ANONYMOUS | MAP_FIXED;
	uint64_t before = rig_stats(&rig).untracked_pages;
	uint64_t untracked;

	rig_mmap(&rig, at + BYTES + P, BYTES, RW, FIXED, -1);
	if (!rig_can_mmap(&rig, at + BYTES, P, RW, droppable, -1)) {
		print_message("# no MAP_DROPPABLE here\n");
		close_rig();
		skip();
	}
	/* 6.12 registers it as any memory, 6.18 refuses it */
	rig_harvest(&rig);
	untracked = rig_stats(&rig).untracked_pages - before;
	expect_neighbours_are_tracked(at, untracked != 0);
	assert_true(untracked == 0 ||
		    rig_stats(&rig).untracked_pages == before + 1);
}

/* All of them together are more than a range may have. */
static void beside_what_is_too_large(void)
{
	const uint64_t large = UINT64_C(300) << 30;
	uint64_t all = rig_mmap(&rig, 0, large + 2 * BYTES, PROT_NONE,
				ANON | MAP_NORESERVE, -1);
	uint64_t behind = all + BYTES + large;

	rig_mmap(&rig, all, BYTES, RW, FIXED, -1);
	rig_mmap(&rig, all + BYTES, large, RW, FIXED | MAP_NORESERVE, -1);
	rig_mmap(&rig, behind, BYTES, RW, FIXED, -1);
	rig_harvest(&rig);
	rig_clean(&rig);
	assert_null(rig_region(&rig, all + BYTES));
	rig_store(&rig, all + 3 * P, 1);
	rig_store(&rig, behind + 5 * P, 1);
	harvest_and_expect(all, N, 1);
	assert_int_equal(rig_count(&rig, behind, BYTES), 1);
}

RIG_CASE(a_held_region_stays)
RIG_CASE(a_batch_keeps_a_region)
RIG_CASE(another_program)
RIG_CASE(another_program_meanwhile)
RIG_CASE(ended_meanwhile)
RIG_CASE(ended)
RIG_CASE(has_an_own_userfaultfd)
RIG_CASE(beside_an_own_userfaultfd)
RIG_CASE(beside_droppable_memory)
RIG_CASE(beside_what_is_too_large)

RIG_MAIN(case_a_held_region_stays, case_a_batch_keeps_a_region,
	 case_another_program, case_another_program_meanwhile,
	 case_ended_meanwhile, case_ended, case_has_an_own_userfaultfd,
	 case_beside_an_own_userfaultfd, case_beside_droppable_memory,
	 case_beside_what_is_too_large)
