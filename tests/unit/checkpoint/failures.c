/* SPDX-License-Identifier: MIT */
/*
 * A save that fails, wherever it does: the machine runs again, no layer is
 * left, and the next save has everything.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "rig.h"

static const char *failing;
static int failure;

static int fail_callback(struct rig *rig, const char *callback)
{
	return failing && !strcmp(callback, failing) ? failure : 0;
}

static void open_rig(struct rig *rig, struct test_rng *rng)
{
	failing = NULL;
	rig_open(rig, "failures");
	rig->hook = fail_callback;
	rig_add(rig, "ram", 0, 2000, 2000);
	rig_write_random(rig, rng, 500);
	rig_create(rig);
	atomic_store(&rig->seed, test_rng_next(rng));
	rig_start(rig, 1);
}

static void save_fails(struct rig *rig, int expected)
{
	struct smudge_error err;

	assert_int_equal(smudge_checkpointer_save(rig->cp, NULL, NULL, &err),
			 expected);
	assert_int_equal(err.code, expected);
	assert_int_not_equal(err.message[0], 0);
}

static void wait_fails(struct rig *rig, uint64_t ticket, int expected)
{
	struct smudge_error err;

	assert_int_equal(smudge_checkpointer_wait(rig->cp, ticket, NULL, &err),
			 expected);
	assert_int_equal(err.code, expected);
	assert_int_not_equal(err.message[0], 0);
}

static void a_callback_fails(void **state)
{
	static const char *const callbacks[] = {"quiesce", "save_state",
						"resume"};
	struct test_rng rng = test_rng_start("callbacks");
	struct rig rig;

	open_rig(&rig, &rng);
	for (unsigned int i = 0; i < 12; i++) {
		failing = callbacks[i % 3];
		failure = i % 2 ? -ENOTTY : 5;
		save_fails(&rig, i % 2 ? -ENOTTY : -EIO);
		assert_int_equal(rig.npauses, rig.nresumes);
		failing = NULL;
		rig_checkpoint(&rig, NULL);
	}
	rig_close(&rig);
}

/* The emulator makes a file of /proc/self/maps when that is read. */
static void need_own_limit(void)
{
#ifdef TEST_EMULATED
	test_skip_without("RLIMIT_FSIZE", "it limits the emulator's files too");
#endif
}

static void set_limit(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_file_too_large(void **state)
{
	struct test_rng rng = test_rng_start("fsize");
	struct rig rig;

	need_own_limit();
	open_rig(&rig, &rng);
	for (unsigned int i = 0; i < 6; i++) {
		/* their digests alone are longer */
		rig_write_random(&rig, &rng, 200);
		set_limit(4096 * test_rng_below(&rng, 8));
		wait_fails(&rig, rig_save(&rig), -EFBIG);
		set_limit(RLIM_INFINITY);
		rig_checkpoint(&rig, NULL);
	}
	rig_close(&rig);
}

/* The child has no parent; the one after both has the pages of both. */
static void a_parent_fails(void **state)
{
	struct test_rng rng = test_rng_start("parent");
	struct rig rig;
	uint64_t first, second;

	need_own_limit();
	open_rig(&rig, &rng);
	rig_checkpoint(&rig, NULL);
	for (unsigned int i = 0; i < 5; i++) {
		int ret;

		rig_write_random(&rig, &rng, 200);
		set_limit(8192);
		first = rig_save(&rig);
		rig_write_random(&rig, &rng, 200);
		ret = smudge_checkpointer_save(rig.cp, NULL, &second, NULL);
		wait_fails(&rig, first, -EFBIG);
		if (ret)
			assert_int_equal(ret, -EAGAIN);
		else
			ret = smudge_checkpointer_wait(rig.cp, second, NULL,
						       NULL);
		assert_true(ret == -EAGAIN || ret == -EFBIG);
		set_limit(RLIM_INFINITY);
		rig_checkpoint(&rig, NULL);
	}
	rig_close(&rig);
}

static void the_parent_is_removed(void **state)
{
	struct test_rng rng = test_rng_start("removed");
	struct smudge_layer_info info;
	char path[128];
	struct rig rig;

	open_rig(&rig, &rng);
	rig_checkpoint(&rig, NULL);
	snprintf(path, sizeof(path), "%s/layer-00000001.qcow2", rig.folder);
	assert_int_equal(unlink(path), 0);
	rig_checkpoint(&rig, &info);
	assert_true(info.is_full);
	assert_int_equal(info.number, 2);
	rig_close(&rig);
}

static void the_folder_is_removed(void **state)
{
	struct test_rng rng = test_rng_start("folder");
	char command[256];
	struct rig rig;

	open_rig(&rig, &rng);
	rig_checkpoint(&rig, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", rig.folder);
	assert_int_equal(system(command), 0);
	wait_fails(&rig, rig_save(&rig), -ENOENT);
	rig_destroy(&rig);
	rig_create(&rig);
	rig_checkpoint(&rig, NULL);
	rig_close(&rig);
}

TEST_MAIN(a_callback_fails, a_file_too_large, a_parent_fails,
	  the_parent_is_removed, the_folder_is_removed)
