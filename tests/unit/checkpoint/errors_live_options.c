/* SPDX-License-Identifier: MIT */
/*
 * -EINVAL and -E2BIG: options and ops of a disk that are refused.
 */
#include <errno.h>
#include <string.h>

#include "live_rig.h"

static struct live live;

static void expect(int expected, const char *sentence)
{
	struct smudge_checkpointer *cp = NULL;
	struct smudge_error err;
	int ret = smudge_checkpointer_create(live.rig.memory, &live.rig.options,
					     &cp, &err);

	if (ret != expected || !strstr(err.message, sentence))
		fail_msg("expected %d \"%s\", got %d \"%s\"", expected,
			 sentence, ret, err.message);
	assert_int_equal(smudge_checkpointer_destroy(cp), 0);
}

static void options_are_checked(void **state)
{
	struct {
		struct smudge_disk_ops ops;
		uint64_t later;
	} later;

	live_open(&live, "live-options", 1 << 20, 0);
	rig_add(&live.rig, "ram", 0, 10, 10);
	later.ops = live.disk.ops;
	later.ops.size = sizeof(later);
	later.later = 1;
	expect(0, "");
	live.rig.options.folder = live.rig.folder;
	expect(-EINVAL, "a folder or a disk, and not both");
	live.rig.options.folder = NULL;
	live.rig.options.disk = NULL;
	expect(-EINVAL, "a folder or a disk, and not both");
	live.rig.options.disk = &live.disk.disk;
	live.disk.ops.write = NULL;
	expect(-EINVAL, "read, write and flush");
	live.disk.ops = later.ops;
	live.disk.ops.size = sizeof(live.disk.ops);
	live.disk.ops.flush = NULL;
	expect(-EINVAL, "read, write and flush");
	live.disk.ops = later.ops;
	live.disk.ops.size = sizeof(live.disk.ops);
	live.disk.ops.cancel = NULL;
	live.disk.ops.zero = NULL;
	expect(0, "");
	live.disk.disk.ops = &later.ops;
	expect(-E2BIG, "smudge_disk_ops");
	later.later = 0;
	expect(0, "");
	live.disk.disk.ops = NULL;
	expect(-EINVAL, "smudge_disk_ops");
	live_close(&live);
}

TEST_MAIN(options_are_checked)
