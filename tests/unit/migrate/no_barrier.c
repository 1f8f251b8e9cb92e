/* SPDX-License-Identifier: MIT */
/*
 * membarrier(2) is refused during a migration, and nothing replaces it: pages
 * that are taken stay dirty, so the migration cannot finish. The machine
 * continues at the source. Once a barrier works, the migration finishes.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>

#include "sys/barrier.h"

static atomic_bool is_refused;

bool __real_smi_sys_barrier(void);
bool __real_smi_sys_barrier_slow(void);
bool __wrap_smi_sys_barrier(void);
bool __wrap_smi_sys_barrier_slow(void);

bool __wrap_smi_sys_barrier(void)
{
	return !atomic_load(&is_refused) && __real_smi_sys_barrier();
}

bool __wrap_smi_sys_barrier_slow(void)
{
	return !atomic_load(&is_refused) && __real_smi_sys_barrier_slow();
}

static void begin(struct rig *rig, const char *name)
{
	if (!smi_sys_barrier_register())
		test_skip_without("membarrier", "it is not in this kernel");
	memset(rig, 0, sizeof(*rig));
	rig->rounds_wanted = 3;
	rig_open(rig, name);
	rig_start_writer(rig);
}

static void end(struct rig *rig)
{
	rig_join_sender(rig);
	rig_join_receiver(rig);
	rig_end_writer(rig);
}

static void test_none(void **state)
{
	static struct rig rig;

	begin(&rig, "test_none");
	atomic_store(&is_refused, true);
	rig_start_receiver(&rig);
	rig_start_sender(&rig);
	end(&rig);
	assert_int_equal(rig.send_error, -EBUSY);
	assert_int_equal(rig.resumes, rig.stops);
	atomic_store(&is_refused, false);
	rig_close(&rig);
}

static enum smudge_migrate_decision
allow_in_round_2(const struct smudge_migrate_stats *stats,
		 const struct smudge_migrate_limits *limits, void *opaque)
{
	atomic_store(&is_refused, stats->round < 2);
	return rig_policy(stats, limits, opaque);
}

static void test_for_a_time(void **state)
{
	struct smudge_migrate_send_options options;
	static struct rig rig;

	begin(&rig, "test_for_a_time");
	atomic_store(&is_refused, true);
	options = rig_send_options(&rig);
	options.policy = allow_in_round_2;
	rig_start_receiver(&rig);
	rig.send_error = rig_send(&rig, &options);
	rig_join_receiver(&rig);
	assert_int_equal(rig.send_error, 0);
	assert_int_equal(rig.receive_error, 0);
	rig_end_writer(&rig);
	rig_assert_untracked(&rig);
	rig_close(&rig);
}

TEST_MAIN(test_none, test_for_a_time)
