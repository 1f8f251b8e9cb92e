/* SPDX-License-Identifier: MIT */
/*
 * A program that refuses a moment in committed: on a disk it is not saved, and
 * its pages are in the next one, which stands on what the device has. In a
 * folder the layer stays, and the refusal is what the wait returns.
 */
#include <errno.h>
#include <string.h>

#include "live_rig.h"

#define MIB (UINT64_C(1) << 20)

static struct live live;
static int code;

static int refuse(struct live *l)
{
	return code;
}

static void open_machine(struct test_rng *rng, const char *name)
{
	live_open(&live, name, 8 * MIB, 1);
	rig_add(&live.rig, "ram", 0, 700, 700);
	rig_write_random(&live.rig, rng, 300);
	live.refuse = refuse;
	code = 0;
}

static void on_a_disk(void **state)
{
	static const int codes[] = {-EBUSY, -ENOSPC, 7, -EOWNERDEAD};
	struct test_rng rng = test_rng_start("errors_live_committed disk");
	struct smudge_layer_info info;
	struct smudge_error err;
	uint64_t number = 0;

	open_machine(&rng, "live-committed");
	live_create(&live);
	for (unsigned int i = 0; i < 8; i++) {
		code = codes[i % 4];
		rig_write_random(&live.rig, &rng, 20);
		assert_int_equal(live_try(&live, &err),
				 i % 4 < 2 ? code : -EIO);
		assert_int_not_equal(err.message[0], 0);
		assert_int_equal(live.last.number, ++number);
		code = 0;
		live_checkpoint(&live, &info);
		assert_false(info.is_full);
		assert_true(info.pages <= 700);
		assert_int_equal(info.number, ++number);
	}
	live_close(&live);
}

static void in_a_folder(void **state)
{
	struct test_rng rng = test_rng_start("errors_live_committed folder");
	struct smudge_layer_info info = {.size = sizeof(info)};
	struct smudge_error err;
	struct rig_moment moment;
	uint64_t ticket;

	open_machine(&rng, "folder-committed");
	live.rig.options.disk = NULL;
	for (unsigned int i = 0; i < 2; i++) {
		/* With a deadline it is called in another thread. */
		live.rig.options.store_deadline_ns = i * UINT64_C(60000000000);
		rig_create(&live.rig);
		code = -EBUSY;
		ticket = rig_save(&live.rig);
		moment = rig_take_moment(&live.rig);
		assert_int_equal(smudge_checkpointer_wait(live.rig.cp, ticket,
							  &info, &err),
				 -EBUSY);
		assert_int_equal(err.code, -EBUSY);
		assert_int_equal(info.number, 1 + 2 * i);
		assert_string_equal(live.last.file_name, info.file_name);
		rig_compare(&live.rig, info.number, &moment);
		rig_free_moment(&moment);
		code = 0;
		rig_write_random(&live.rig, &rng, 20);
		rig_checkpoint(&live.rig, &info);
		assert_false(info.is_full);
		assert_int_equal(info.number, 2 + 2 * i);
		rig_destroy(&live.rig);
	}
	live_close(&live);
}

TEST_MAIN(on_a_disk, in_a_folder)
