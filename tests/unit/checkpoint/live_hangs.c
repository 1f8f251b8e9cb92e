/* SPDX-License-Identifier: MIT */
/*
 * A device, or an engine, that hangs: with a deadline the save fails, nothing
 * is lost, and the machine is never kept waiting. What does not even return
 * when it is cancelled holds up what comes for as long as the deadline each
 * time, until it returns; nothing overtakes it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "live_rig.h"

#define MIB (UINT64_C(1) << 20)
/* On a busy machine a call that does not hang may pass it too. */
#define DEADLINE_NS UINT64_C(100000000)

static struct live live;

/* One that is in time, soon. */
static void checkpoint(struct smudge_layer_info *ret_info)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	int ret = -ETIMEDOUT;

	for (unsigned int i = 0; i < 100 && ret == -ETIMEDOUT; i++) {
		struct smudge_error err;
		uint64_t ticket = rig_save(&live.rig);
		struct rig_moment moment = rig_take_moment(&live.rig);

		ret = smudge_checkpointer_wait(live.rig.cp, ticket, &info,
					       &err);
		if (!ret)
			live_check(&live, ticket, &moment, &info);
		else if (ret != -ETIMEDOUT)
			fail_msg("%s", err.message);
		rig_free_moment(&moment);
		live_drop_snapshots(&live);
	}
	assert_int_equal(ret, 0);
	if (ret_info)
		*ret_info = info;
}

static void open_machine(struct test_rng *rng, uint64_t deadline_ns)
{
	live_open(&live, "live-hangs", 4 * MIB, test_rng_next(rng) | 1);
	live.rig.options.store_deadline_ns = deadline_ns;
	rig_add(&live.rig, "ram", 0, 700, 700);
	rig_write_random(&live.rig, rng, 300);
	live_create(&live);
	checkpoint(NULL);
	memory_disk_heal(&live.disk);
}

static void expect_timeout(void)
{
	struct smudge_error err;

	assert_int_equal(live_try(&live, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.message, "deadline"));
}

/* It is that call that hangs. */
static void hang_at(uint64_t call, bool is_deaf, struct test_rng *rng)
{
	for (unsigned int i = 0; i < 100 && !live.disk.nhung; i++) {
		memory_disk_heal(&live.disk);
		live.disk.hang_at = call;
		live.disk.is_deaf = is_deaf;
		rig_write_random(&live.rig, rng, 50);
		expect_timeout();
	}
	assert_int_equal(live.disk.nhung, 1);
}

/* Each of its calls, which a cancel ends. */
static void a_call_that_hangs(void **state)
{
	struct test_rng rng = test_rng_start("live_hangs");

	open_machine(&rng, DEADLINE_NS);
	for (uint64_t call = 1; call <= 6; call++) {
		memory_disk_heal(&live.disk);
		hang_at(call, false, &rng);
		assert_true(live.disk.ncancels > 0);
		/* A cancelled call that got no turn is left behind. */
		memory_disk_wait_returned(&live.disk);
		memory_disk_heal(&live.disk);
		rig_write_random(&live.rig, &rng, 5);
		checkpoint(NULL);
	}
	live_close(&live);
}

static void a_read_that_hangs(void **state)
{
	struct test_rng rng = test_rng_start("live_hangs read");

	open_machine(&rng, DEADLINE_NS);
	live.disk.hangs_reads = true;
	expect_timeout();
	memory_disk_heal(&live.disk);
	checkpoint(NULL);
	live_close(&live);
}

/* Without a deadline a cancel of the program's ends it. */
static void a_cancel(void **state)
{
	struct test_rng rng = test_rng_start("live_hangs cancel");
	struct smudge_error err;
	uint64_t ticket;

	open_machine(&rng, 0);
	live.disk.hang_at = 3;
	rig_write_random(&live.rig, &rng, 50);
	ticket = rig_save(&live.rig);
	memory_disk_wait_hanging(&live.disk);
	smudge_checkpointer_cancel(live.rig.cp);
	assert_int_equal(
		smudge_checkpointer_wait(live.rig.cp, ticket, NULL, &err),
		-ECANCELED);
	memory_disk_heal(&live.disk);
	checkpoint(NULL);
	live_close(&live);
}

/* The machine pauses and runs as if nothing were; later all is well. */
static void a_call_that_never_returns(void **state)
{
	struct test_rng rng = test_rng_start("live_hangs deaf");
	struct smudge_error err;
	uint64_t ticket, ncalls;

	open_machine(&rng, DEADLINE_NS);
	hang_at(3, true, &rng);
	assert_int_equal(live.disk.nhanging, 1);
	ncalls = live.disk.ncalls;
	for (unsigned int i = 0; i < 2; i++) {
		rig_write_random(&live.rig, &rng, 50);
		assert_int_equal(smudge_checkpointer_save(live.rig.cp, NULL,
							  &ticket, &err),
				 0);
		assert_int_equal(smudge_checkpointer_wait(live.rig.cp, ticket,
							  NULL, &err),
				 -ETIMEDOUT);
	}
	/* Nothing was called beside it. */
	assert_int_equal(live.disk.ncalls, ncalls);
	memory_disk_heal(&live.disk);
	checkpoint(NULL);
	live_close(&live);
}

/* The checkpointer goes; the call is left, and returns when it likes. */
static void destroy_beside_it(void **state)
{
	struct test_rng rng = test_rng_start("live_hangs destroy");

	open_machine(&rng, DEADLINE_NS);
	hang_at(3, true, &rng);
	assert_int_equal(smudge_checkpointer_destroy(live.rig.cp), -ETIMEDOUT);
	live.rig.cp = NULL;
	memory_disk_heal(&live.disk);
	live_close(&live);
}

static atomic_bool hangs;

static int hang(struct live *l)
{
	while (atomic_load(&hangs))
		usleep(1000);
	return 0;
}

/* A snapshot that is not taken in time: the moment is not saved. */
static void committed_hangs(void **state)
{
	struct test_rng rng = test_rng_start("live_hangs committed");
	struct smudge_layer_info info;

	open_machine(&rng, DEADLINE_NS);
	live.refuse = hang;
	atomic_store(&hangs, true);
	atomic_store(&live.ncommits, 0);
	for (unsigned int i = 0; i < 100 && !atomic_load(&live.ncommits); i++) {
		rig_write_random(&live.rig, &rng, 50);
		expect_timeout();
	}
	assert_int_equal(atomic_load(&live.ncommits), 1);
	/* Nothing is written to the device under the engine's hands. */
	live.disk.ncalls = 0;
	rig_write_random(&live.rig, &rng, 50);
	expect_timeout();
	assert_int_equal(live.disk.ncalls, 0);
	atomic_store(&hangs, false);
	checkpoint(&info);
	assert_false(info.is_full);
	live_close(&live);
}

TEST_MAIN(a_call_that_hangs, a_read_that_hangs, a_cancel,
	  a_call_that_never_returns, destroy_beside_it, committed_hangs)
