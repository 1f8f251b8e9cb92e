/* SPDX-License-Identifier: MIT */
/*
 * Regions of another process that cannot go yet, a process that executes
 * another program, one that ends, and memory that has a userfaultfd of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "process_rig.h"
#include "support.h"

#define P     ((uint64_t)RIG_PAGE)
#define N     64
#define BYTES (N * P)
#define RW    (PROT_READ | PROT_WRITE)
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)
#define FIXED (ANON | MAP_FIXED)

static const struct smudge_process_options by_uffd = {
	.size = sizeof(by_uffd), .method = SMUDGE_PROCESS_UFFD};

static struct process_rig rig;
static uint64_t room; /* 1 MiB of addresses without access before @at */
static uint64_t at;   /* N pages, all written, and room behind them */

static void fill(uint64_t from, uint64_t npages)
{
	for (uint64_t i = 0; i < npages; i++)
		rig_store(&rig, from + i * P, 1);
}

static void open_rig(void)
{
	process_rig_start(&rig);
	room = rig_mmap(&rig, 0, 4 << 20, PROT_NONE, ANON, -1);
	at = rig_mmap(&rig, room + (1 << 20), BYTES, RW, FIXED, -1);
	fill(at, N);
	process_rig_track(&rig, &by_uffd);
	rig_harvest(&rig);
	rig_clean(&rig);
}

static void close_rig(void)
{
	process_rig_stop(&rig);
}

static void harvest_and_expect(uint64_t from, uint64_t npages, uint64_t ndirty)
{
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, from, npages * P), ndirty);
}

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

RIG_CASE(a_held_region_stays)
RIG_CASE(a_batch_keeps_a_region)
RIG_CASE(another_program)
RIG_CASE(ended)
RIG_CASE(has_an_own_userfaultfd)

RIG_MAIN(case_a_held_region_stays, case_a_batch_keeps_a_region,
	 case_another_program, case_ended, case_has_an_own_userfaultfd)
