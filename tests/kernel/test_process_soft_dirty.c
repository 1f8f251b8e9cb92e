/* SPDX-License-Identifier: MIT */
/*
 * Another process by soft-dirty bits: its writes, what it drops, what it maps
 * anew, what a child shares with it; shared memory is dirty at all times.
 * Skipped on a kernel without the bits.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "process_rig.h"
#include "source/soft_dirty_bits.h"
#include "support.h"

#define P     ((uint64_t)RIG_PAGE)
#define N     64
#define BYTES (N * P)
#define RW    (PROT_READ | PROT_WRITE)
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)

static const struct smudge_process_options soft = {
	.size = sizeof(soft), .method = SMUDGE_PROCESS_SOFT_DIRTY};

static struct process_rig rig;
static uint64_t at, shared;

/* The first harvest after a start reports everything. */
static void open_rig(void)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint64_t room;

	if (smi_soft_dirty_probe(&err) < 0)
		test_skip_without("soft-dirty", err.message);
	process_rig_start(&rig);
	room = rig_mmap(&rig, 0, 8 << 20, PROT_NONE, ANON, -1);
	at = rig_mmap(&rig, room + (1 << 20), BYTES, RW, ANON | MAP_FIXED, -1);
	rig_madvise(&rig, at, BYTES, MADV_NOHUGEPAGE);
	shared = rig_mmap(&rig, room + (4 << 20), BYTES, RW,
			  MAP_SHARED | MAP_FIXED, rig_memfd(&rig, BYTES));
	for (uint64_t i = 0; i < N / 2; i++)
		rig_store(&rig, at + i * P, 1);
	process_rig_track(&rig, &soft);
	rig_harvest(&rig);
	rig_clean(&rig);
}

static void close_rig(void)
{
	process_rig_stop(&rig);
}

static void expect(uint64_t ndirty)
{
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), ndirty);
	rig_clean(&rig);
}

static void writes(void)
{
	expect(0);
	rig_store(&rig, at + 3 * P, 7);
	rig_store(&rig, at + 50 * P, 8);
	rig_load(&rig, at + 5 * P);
	rig_harvest(&rig);
	assert_true(rig_is_dirty(&rig, at + 3 * P));
	assert_true(rig_is_dirty(&rig, at + 50 * P));
	expect(2);
	assert_int_equal(rig_read(&rig, at + 50 * P), 8);
	expect(0);
	assert_int_equal(rig_stats(&rig).method, SMUDGE_PROCESS_SOFT_DIRTY);
	assert_true(rig_stats(&rig).stops >= 3);
}

/* One stop serves all regions. */
static void one_stop(void)
{
	uint64_t before = rig_stats(&rig).stops;

	assert_true(rig_stats(&rig).nregions > 3);
	rig_harvest(&rig);
	assert_int_equal(rig_stats(&rig).stops, before + 1);
	rig_look(&rig);
	assert_int_equal(rig_stats(&rig).stops, before + 1);
}

static void looks(void)
{
	rig_store(&rig, at + 3 * P, 7);
	for (int i = 0; i < 3; i++) {
		rig_look(&rig);
		assert_int_equal(rig_count(&rig, at, BYTES), 1);
		rig_clean(&rig);
	}
	expect(1);
	rig_look(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), 0);
}

static void dropped(void)
{
	rig_madvise(&rig, at + 3 * P, 2 * P, MADV_DONTNEED);
	expect(2);
	expect(0);
	rig_store(&rig, at + 6 * P, 2);
	rig_madvise(&rig, at + 6 * P, P, MADV_DONTNEED);
	expect(1);
}

/*
 * Content that came after a harvest, was read by a client and dropped: the page
 * is as the harvest found it, and the client's copy is not.
 */
static void read_and_dropped(void)
{
	rig_store(&rig, at + 40 * P, 9);
	assert_int_equal(rig_read(&rig, at + 40 * P), 9);
	rig_madvise(&rig, at + 40 * P, P, MADV_DONTNEED);
	expect(1);
	expect(0);
}

/* A look says that it may be read. */
static void looked_at_and_dropped(void)
{
	rig_store(&rig, at + 40 * P, 9);
	rig_look(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), 1);
	rig_clean(&rig);
	rig_madvise(&rig, at + 40 * P, P, MADV_DONTNEED);
	expect(1);
	expect(0);
}

/* Less than a page table: the kernel marks each page that it moves. */
static void moved_over(void)
{
	uint64_t from = at + 16 * P, to = at + 3 * P;

	expect(0);
	rig_mremap(&rig, from, 8 * P, 8 * P, to);
	rig_mmap(&rig, from, 8 * P, RW, ANON | MAP_FIXED, -1);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, to, 8 * P), 8);
}

/* A page of zeros that was read is reported each time. */
static void dropped_and_read(void)
{
	rig_madvise(&rig, at + 3 * P, P, MADV_DONTNEED);
	rig_load(&rig, at + 3 * P);
	expect(1);
	expect(1);
	rig_store(&rig, at + 3 * P, 4);
	expect(1);
	expect(0);
}

static void replaced_and_grown(void)
{
	rig_mmap(&rig, at + 8 * P, 4 * P, RW, ANON | MAP_FIXED, -1);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at + 8 * P, 4 * P), 4);
	rig_clean(&rig);
	expect(0);
	rig_mmap(&rig, at + BYTES, BYTES, RW, ANON | MAP_FIXED, -1);
	rig_store(&rig, at + BYTES + P, 1);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at + BYTES, BYTES), N);
	rig_clean(&rig);
	rig_store(&rig, at + BYTES + 2 * P, 1);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at + BYTES, BYTES), 1);
	rig_munmap(&rig, at + BYTES, BYTES);
	rig_clean(&rig);
	expect(0);
}

static void a_childs_writes(void)
{
	rig_fork_store(&rig, at + 3 * P);
	rig_harvest(&rig);
	assert_int_equal(rig_read(&rig, at + 3 * P), 1);
	rig_clean(&rig);
	rig_store(&rig, at + 4 * P, 2);
	rig_harvest(&rig);
	assert_true(rig_is_dirty(&rig, at + 4 * P));
}

static void shared_memory(void)
{
	for (int i = 0; i < 2; i++) {
		rig_harvest(&rig);
		assert_int_equal(rig_count(&rig, shared, BYTES), N);
		rig_clean(&rig);
	}
	assert_true(rig_stats(&rig).untracked_pages >= N);
}

static pid_t tracer(void)
{
	char path[64], line[256];
	pid_t pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)rig.pid);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "TracerPid: %d", &pid) == 1)
			break;
	fclose(file);
	return pid;
}

static void stop(void)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	if (smudge_process_stop(rig.process, &err) < 0)
		fail_msg("%s", err.message);
}

/* It is harvested as it stands, and stopped no second time. */
static void standing(void)
{
	uint64_t before;

	expect(0);
	rig_store(&rig, at + 3 * P, 7);
	before = rig_stats(&rig).stops;
	stop();
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), 1);
	assert_int_equal(rig_read(&rig, at + 3 * P), 7);
	rig_clean(&rig);
	expect(0);
	assert_int_equal(rig_stats(&rig).stops, before + 1);
	assert_int_equal(smudge_process_continue(rig.process, NULL), 0);
	rig_store(&rig, at + 50 * P, 8);
	expect(1);
	assert_int_equal(rig_stats(&rig).stops, before + 2);
}

/* What holds it is killed: a harvest stops it itself. */
static void standing_no_more(void)
{
	uint64_t before;

	expect(0);
	stop();
	before = rig_stats(&rig).stops;
	kill(tracer(), SIGKILL);
	rig_store(&rig, at + 3 * P, 7);
	expect(1);
	assert_int_equal(rig_stats(&rig).stops, before + 1);
	assert_int_equal(smudge_process_continue(rig.process, NULL), -EIO);
}

static void another_program(void)
{
	uint64_t other;

	rig_exec(&rig);
	other = rig_mmap(&rig, 0, BYTES, RW, ANON, -1);
	rig_harvest(&rig);
	assert_int_equal(rig_stats(&rig).execs, 1);
	assert_int_equal(rig_count(&rig, other, BYTES), N);
}

RIG_CASE(writes)
RIG_CASE(one_stop)
RIG_CASE(looks)
RIG_CASE(dropped)
RIG_CASE(read_and_dropped)
RIG_CASE(looked_at_and_dropped)
RIG_CASE(moved_over)
RIG_CASE(dropped_and_read)
RIG_CASE(replaced_and_grown)
RIG_CASE(a_childs_writes)
RIG_CASE(shared_memory)
RIG_CASE(standing)
RIG_CASE(standing_no_more)
RIG_CASE(another_program)

RIG_MAIN(case_writes, case_moved_over, case_one_stop, case_looks, case_dropped,
	 case_read_and_dropped, case_looked_at_and_dropped,
	 case_dropped_and_read, case_replaced_and_grown, case_a_childs_writes,
	 case_shared_memory, case_standing, case_standing_no_more,
	 case_another_program)
