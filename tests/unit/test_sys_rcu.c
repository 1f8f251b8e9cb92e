/* SPDX-License-Identifier: MIT */
/*
 * Grace periods: a synchronize waits for each section that began before, of a
 * thread with a slot and of those that share a word; slots come back; the child
 * of a fork has no readers but its own.
 */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_source.h"
#include "rcu_holders.h"

#include "sys/rcu.h"

static void *synchronize(void *opaque)
{
	if (smi_sys_rcu_synchronize())
		atomic_store((atomic_int *)opaque, 1);
	return NULL;
}

/* A synchronize that begins now ends when @holder does, and not before. */
static void assert_waits_for(struct holder *holder)
{
	atomic_int is_over = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, synchronize, &is_over),
			 0);
	usleep(30000);
	assert_int_equal(atomic_load(&is_over), 0);
	end_holder(holder);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&is_over), 1);
}

static void test_waits(void **state)
{
	struct holder holder;

	assert_true(smi_sys_rcu_synchronize());
	assert_true(start_holder(&holder));
	assert_true(holder.has_slot);
	assert_waits_for(&holder);
	assert_true(smi_sys_rcu_synchronize());
}

/* Threads come and go, more than there are slots: each gets one. */
static void test_slots_come_back(void **state)
{
	for (int i = 0; i < 2 * NHOLDERS; i++) {
		struct holder holder;

		assert_true(start_holder(&holder));
		assert_true(holder.has_slot);
		end_holder(&holder);
	}
}

/* All slots are in use: the others are waited for all the same. */
static void test_without_slots(void **state)
{
	static struct holder holders[NHOLDERS];
	struct holder last;

	start_holders(holders);
	assert_true(start_holder(&last));
	assert_false(last.has_slot);
	assert_waits_for(&last);
	end_holders(holders);
}

/* In the child: a memory of its own. */
static bool use_memory(void)
{
	struct smudge_client *client;
	struct smudge_memory *memory;
	struct smudge_region *region;

	if (smudge_memory_create(&memory))
		return false;
	region = fake_region(memory, 0, 100);
	client = fake_client(memory, "child", true);
	smudge_memory_mark_gpa(memory, 0, 1);
	return fake_take(client, region) == 1 &&
	       smudge_client_close(client) == 0 &&
	       smudge_memory_destroy(memory) == 0;
}

/* The threads of the parent are not the child's, whatever they were reading. */
static void test_fork(void **state)
{
	struct holder holder;
	int status = -1;
	pid_t child;

	assert_true(start_holder(&holder));
	child = fork();
	if (!child) {
		alarm(20);
		smi_sys_rcu_read_unlock(smi_sys_rcu_read_lock());
		_exit(smi_sys_rcu_synchronize() && use_memory() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_waits_for(&holder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_slots_come_back),
		cmocka_unit_test(test_without_slots),
		cmocka_unit_test(test_fork),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
