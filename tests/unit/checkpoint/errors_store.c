/* SPDX-License-Identifier: MIT */
/*
 * Each write, flush, rename and thread of a layer fails in turn: no layer is
 * there, and the next save has everything. Where the store is full, the program
 * may make room.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "fail_writes.h"
#include "rig.h"

static void open_rig(struct rig *rig, struct test_rng *rng)
{
	rig_open(rig, "store");
	rig_add(rig, "ram", 0, 3000, 3000);
	rig_write_random(rig, rng, 500);
	rig_create(rig);
	rig_checkpoint(rig, NULL);
}

static unsigned int files_in(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned int n = 0;
	struct dirent *entry;

	while ((entry = readdir(dir)))
		n += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	closedir(dir);
	return n;
}

/* The @n-th call fails. Return: was it reached? */
static bool fails_at(struct rig *rig, struct test_rng *rng,
		     enum fail_write call, unsigned int n, int error)
{
	unsigned int before = files_in(rig->folder);
	uint64_t ticket;
	bool is_reached;
	int ret;

	rig_write_random(rig, rng, 300);
	fail_writes_at(call, n, 1, error);
	ticket = rig_save(rig);
	ret = smudge_checkpointer_wait(rig->cp, ticket, NULL, NULL);
	is_reached = fail_writes_calls(call) >= n;
	fail_writes_at(call, 0, 0, 0);
	if (is_reached) {
		/* A thread is "no more now", whatever it was. */
		assert_int_equal(ret,
				 call == FAIL_WRITE_THREAD ? -EAGAIN : -error);
		assert_int_equal(files_in(rig->folder), before);
	} else {
		assert_int_equal(ret, 0);
	}
	rig_write_random(rig, rng, 30);
	rig_checkpoint(rig, NULL);
	return is_reached;
}

static int no_room(struct rig *rig, const char *callback)
{
	return !strcmp(callback, "store_full") ? 7 : 0;
}

static void each_call_fails(void **state)
{
	static const int errors[] = {EIO, ENOSPC, EDQUOT};
	struct test_rng rng = test_rng_start("each");
	struct rig rig;

	open_rig(&rig, &rng);
	rig.hook = no_room;
	for (enum fail_write call = 0; call < FAIL_WRITE_CALLS; call++) {
		unsigned int n = 1;

		while (fails_at(&rig, &rng, call, n, errors[n % 3]))
			n++;
		print_message("# %u calls of kind %d failed\n", n - 1, call);
		assert_true(n > 1);
	}
	rig_close(&rig);
}

/* The file once, and the folder once. */
static void a_layer_is_flushed_once(void **state)
{
	struct test_rng rng = test_rng_start("flushed");
	struct rig rig;

	open_rig(&rig, &rng);
	rig_write_random(&rig, &rng, 300);
	fail_writes_at(FAIL_WRITE_FSYNC, 0, 0, 0);
	rig_checkpoint(&rig, NULL);
	assert_int_equal(fail_writes_calls(FAIL_WRITE_FSYNC), 2);
	rig_close(&rig);
}

static int room_after(struct rig *rig, const char *callback)
{
	if (strcmp(callback, "store_full"))
		return 0;
	/* The file that had no room is gone. */
	assert_int_equal(files_in(rig->folder), 1);
	return rig->nfull < 3 ? 0 : -1;
}

static void room_is_made(void **state)
{
	struct test_rng rng = test_rng_start("room");
	struct rig rig;

	open_rig(&rig, &rng);
	rig.hook = room_after;
	rig_write_random(&rig, &rng, 300);
	fail_writes_at(FAIL_WRITE_PWRITEV, 1, 2, ENOSPC);
	rig_checkpoint(&rig, NULL);
	assert_int_equal(rig.nfull, 2);
	rig_write_random(&rig, &rng, 300);
	rig.nfull = 0;
	rig.hook = NULL;
	fail_writes_at(FAIL_WRITE_FSYNC, 1, 1, ENOSPC);
	rig_checkpoint(&rig, NULL);
	assert_int_equal(rig.nfull, 1);
	rig_close(&rig);
}

static void no_room_is_made(void **state)
{
	struct test_rng rng = test_rng_start("no room");
	struct smudge_error err;
	uint64_t ticket;
	struct rig rig;

	open_rig(&rig, &rng);
	rig.hook = no_room;
	rig_write_random(&rig, &rng, 300);
	fail_writes_at(FAIL_WRITE_PWRITEV, 1, 1000, ENOSPC);
	ticket = rig_save(&rig);
	assert_int_equal(smudge_checkpointer_wait(rig.cp, ticket, NULL, &err),
			 -ENOSPC);
	assert_int_equal(rig.nfull, 1);
	fail_writes_at(FAIL_WRITE_PWRITEV, 0, 0, 0);
	rig_checkpoint(&rig, NULL);
	rig_close(&rig);
}

static void no_thread_at_all(void **state)
{
	struct smudge_checkpointer *cp;
	struct smudge_error err;
	struct rig rig;

	rig_open(&rig, "thread");
	rig.options.folder = rig.folder;
	rig.options.nthreads = 3;
	rig_add(&rig, "ram", 0, 10, 10);
	for (unsigned int n = 1; n <= 3; n++) {
		fail_writes_at(FAIL_WRITE_THREAD, n, 1, EAGAIN);
		assert_int_equal(smudge_checkpointer_create(
					 rig.memory, &rig.options, &cp, &err),
				 -EAGAIN);
		assert_int_not_equal(err.message[0], 0);
	}
	fail_writes_at(FAIL_WRITE_THREAD, 0, 0, 0);
	rig_create(&rig);
	rig_checkpoint(&rig, NULL);
	rig_close(&rig);
}

TEST_MAIN(each_call_fails, a_layer_is_flushed_once, room_is_made,
	  no_room_is_made, no_thread_at_all)
