/* SPDX-License-Identifier: MIT */
/*
 * The n-th allocation of a migration fails, for every n, at the source and at
 * the destination: that side returns -ENOMEM, the machine continues at the
 * source with nothing tracked, and the next migration succeeds.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "fail_memory.h"

static void begin(struct rig *rig, const char *name)
{
	memset(rig, 0, sizeof(*rig));
	rig->page_shift = 12;
	rig->npages[0] = 300;
	rig->npages[1] = 16;
	rig->rounds_wanted = 2;
	rig_open(rig, name);
	memset(rig->source.hva[0], 0x5a, rig->npages[0] << 12);
}

static void assert_arrived(struct rig *rig)
{
	assert_int_equal(rig->send_error, 0);
	assert_int_equal(rig->receive_error, 0);
	rig_assert_equal(rig);
}

/* The machine runs at the source, and nothing is left of the attempt. */
static void assert_went_back(struct rig *rig)
{
	assert_true(rig->send_error < 0);
	assert_int_equal(rig->send_err.code, rig->send_error);
	assert_int_equal(rig->resumes, rig->stops);
	rig_assert_untracked(rig);
}

/* Return: was the n-th allocation reached? */
static bool send_without(unsigned int n)
{
	struct smudge_migrate_send_options options;
	bool has_failed;
	struct rig rig;

	begin(&rig, "send_without");
	options = rig_send_options(&rig);
	rig_start_receiver(&rig);
	fail_memory_at(n);
	rig.send_error = rig_send(&rig, &options);
	fail_memory_off();
	has_failed = fail_memory_has_failed();
	shutdown(rig.fds[0], SHUT_RDWR);
	rig_join_receiver(&rig);
	if (has_failed) {
		assert_int_equal(rig.send_error, -ENOMEM);
		assert_went_back(&rig);
		assert_true(rig.receive_error < 0);
	} else {
		assert_arrived(&rig);
	}
	rig_close(&rig);
	return has_failed;
}

static void test_source(void **state)
{
	unsigned int n = 1;

	while (n < 200 && send_without(n))
		n++;
	assert_in_range(n, 10, 199);
}

static int accept_state(void *opaque, const void *bytes, size_t length,
			struct smudge_error *err)
{
	return 0;
}

static bool receive_without(unsigned int n)
{
	const struct smudge_migrate_receive_options options = {
		.size = sizeof(options),
		.state_load = accept_state,
	};
	bool has_failed;
	struct rig rig;

	begin(&rig, "receive_without");
	rig_start_sender(&rig);
	fail_memory_at(n);
	rig.receive_error =
		smudge_migrate_receive(rig.receiving, rig.destination.memory,
				       rig.fds[1], &options, &rig.receive_err);
	fail_memory_off();
	has_failed = fail_memory_has_failed();
	shutdown(rig.fds[1], SHUT_RDWR);
	rig_join_sender(&rig);
	if (has_failed) {
		assert_int_equal(rig.receive_error, -ENOMEM);
		assert_int_equal(rig.receive_err.code, -ENOMEM);
		assert_went_back(&rig);
	} else {
		assert_arrived(&rig);
	}
	rig_close(&rig);
	return has_failed;
}

static void test_destination(void **state)
{
	unsigned int n = 1;

	while (n < 200 && receive_without(n))
		n++;
	assert_in_range(n, 5, 199);
}

static void test_handle(void **state)
{
	struct smudge_migration *migration = NULL;

	fail_memory_at(1);
	assert_int_equal(smudge_migration_create(NULL, &migration, NULL),
			 -ENOMEM);
	fail_memory_off();
	assert_null(migration);
	assert_int_equal(smudge_migration_create(NULL, &migration, NULL), 0);
	smudge_migration_destroy(migration);
}

TEST_MAIN(test_source, test_destination, test_handle)
