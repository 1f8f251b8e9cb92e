/* SPDX-License-Identifier: MIT */
/*
 * A machine that writes all the time moves, and no write is lost: the
 * memories are equal to the byte when the machine has been handed over.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>

static void fill_some(struct rig *rig)
{
	/* A third with content, the rest never touched. */
	for (uint64_t page = 0; page < rig->npages[0]; page += 3)
		memset(rig->source.hva[0] + (page << rig->page_shift),
		       (int)(page % 255 + 1), (size_t)1 << rig->page_shift);
}

static void move(struct rig *rig)
{
	rig_start_receiver(rig);
	assert_int_equal(rig_send(rig, NULL), 0);
	rig_join_receiver(rig);
	assert_int_equal(rig->receive_error, 0);
}

static void check_stats(struct rig *rig, uint32_t rounds)
{
	struct smudge_migrate_stats out = rig_stats(rig->sending);
	struct smudge_migrate_stats in = rig_stats(rig->receiving);

	assert_int_equal(out.phase, SMUDGE_MIGRATE_COMPLETED);
	assert_int_equal(in.phase, SMUDGE_MIGRATE_COMPLETED);
	assert_int_equal(out.round, rounds);
	assert_int_equal(in.round, rounds);
	assert_int_equal(out.sent_bytes, in.sent_bytes);
	assert_int_equal(out.sent_pages, in.sent_pages);
	assert_int_equal(out.zero_pages, in.zero_pages);
	assert_true(out.sent_bytes > out.sent_pages * 4096);
	assert_int_equal(out.remaining_pages, 0);
	assert_true(out.downtime_ns > 0 && out.downtime_ns < out.elapsed_ns);
	assert_true(out.round_ns > 0 && out.bandwidth_bytes_ps > 0);
	assert_true(out.harvest_ns > 0 && out.take_ns > 0);
	assert_true(out.bitmap_peak_bytes > 0);
}

static void with_a_live_writer(void **state)
{
	struct rig rig = {.rounds_wanted = 6};
	struct smudge_migrate_limits limits = {
		.size = sizeof(limits), .max_bandwidth_bytes_ps = 20000000};
	unsigned long writes;

	rig_open(&rig, "with_a_live_writer");
	assert_int_equal(
		smudge_migration_set_limits(rig.sending, &limits, NULL), 0);
	fill_some(&rig);
	rig_start_writer(&rig);
	move(&rig);
	assert_int_equal(rig.stops, 1);
	assert_int_equal(rig.resumes, 0);
	assert_true(rig.state_is_right);
	writes = atomic_load_explicit(&rig.writes, memory_order_relaxed);
	assert_true(writes > 0);
	rig_assert_equal(&rig);
	check_stats(&rig, 7);
	assert_true(rig.most_dirty_ps > 0);
	assert_true(rig.at_policy.remaining_bytes ==
		    rig.at_policy.remaining_pages * 4096);
	rig_assert_untracked(&rig);
	rig_end_writer(&rig);
	rig_close(&rig);
}

static void with_the_default_policy(void **state)
{
	struct rig rig = {0};

	rig_open(&rig, "with_the_default_policy");
	fill_some(&rig);
	rig_start_writer(&rig);
	move(&rig);
	rig_assert_equal(&rig);
	rig_assert_untracked(&rig);
	rig_end_writer(&rig);
	rig_close(&rig);
}

/* Pages larger than a record's content. */
static void with_pages_of_2_mib(void **state)
{
	struct rig rig = {
		.page_shift = 21, .npages = {5, 1}, .rounds_wanted = 3};

	rig_open(&rig, "with_pages_of_2_mib");
	memset(rig.source.hva[0] + 100, 7, 5 << 20);
	rig_start_writer(&rig);
	move(&rig);
	rig_assert_equal(&rig);
	rig_assert_untracked(&rig);
	rig_end_writer(&rig);
	rig_close(&rig);
}

/* Nothing of the receiver's earlier content is left. */
static void zero_pages_overwrite(void **state)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_migrate_stats stats;

	rig_open(&rig, "zero_pages_overwrite");
	memset(rig.destination.hva[0], 0xee, rig.npages[0] << 12);
	rig.source.hva[0][5 << 12] = 1;
	move(&rig);
	rig_assert_equal(&rig);
	stats = rig_stats(rig.sending);
	assert_int_equal(stats.sent_pages, 1);
	assert_int_equal(stats.zero_pages, rig.npages[0] + rig.npages[1] - 1);
	rig_close(&rig);
}

static void large_state(void **state)
{
	struct rig rig = {.rounds_wanted = 1};

	rig_open(&rig, "large_state");
	rig.state_bytes = (size_t)40 << 20;
	move(&rig);
	assert_true(rig.state_is_right);
	rig_close(&rig);
}

static void handle_is_good_for_one(void **state)
{
	struct rig rig = {.rounds_wanted = 1};

	rig_open(&rig, "handle_is_good_for_one");
	move(&rig);
	assert_int_equal(rig_send(&rig, NULL), -EINVAL);
	assert_non_null(strstr(rig.send_err.message, "used before"));
	rig_close(&rig);
}

TEST_MAIN(with_a_live_writer, with_the_default_policy, with_pages_of_2_mib,
	  zero_pages_overwrite, large_state, handle_is_good_for_one)
