/* SPDX-License-Identifier: MIT */
/*
 * Grace periods: a synchronize waits for each section that began before, of a
 * thread with a slot and of those that share a word, for all of them at once;
 * slots come back; the child of a fork has no readers but its own.
 */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_source.h"
#include "rcu_holders.h"
#include "slow.h"

#include "sys/clock.h"
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

static pthread_key_t key;

static void mark_in_every_round(void *opaque)
{
	smi_sys_rcu_read_unlock(smi_sys_rcu_read_lock());
	pthread_setspecific(key, opaque);
}

static void *end_with_marks(void *opaque)
{
	smi_sys_rcu_read_unlock(smi_sys_rcu_read_lock());
	pthread_setspecific(key, opaque);
	return NULL;
}

/* So do those of threads whose destructors mark until the very end. */
static void test_slots_come_back_late(void **state)
{
	struct holder holder;

	/* It takes a thread apart before the last destructors have run. */
	if (TEST_HAS_TSAN)
		test_skip_without("threads that end plainly",
				  "ThreadSanitizer crashes in their end");
	assert_int_equal(pthread_key_create(&key, mark_in_every_round), 0);
	for (int i = 0; i < NHOLDERS; i++) {
		pthread_t thread;

		assert_int_equal(
			pthread_create(&thread, NULL, end_with_marks, &key), 0);
		pthread_join(thread, NULL);
	}
	assert_true(start_holder(&holder));
	assert_true(holder.has_slot);
	assert_waits_for(&holder);
	pthread_key_delete(key);
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
	       smudge_memory_destroy(memory, NULL) == 0;
}

#define NREADERS   20
#define SECTION_US 50000
#define LONGEST_NS (4 * SECTION_US * UINT64_C(1000))
#define NTRIES	   100

/* Sections one after the other, each as long as a reader that is preempted. */
static void *read_on(void *opaque)
{
	atomic_int *is_over = opaque;

	while (!atomic_load(is_over)) {
		struct smi_sys_rcu_slot *slot = smi_sys_rcu_read_lock();

		usleep(SECTION_US);
		smi_sys_rcu_read_unlock(slot);
	}
	return NULL;
}

static uint64_t synchronize_ns(void)
{
	uint64_t start_ns = smi_sys_now_ns();

	assert_true(smi_sys_rcu_synchronize());
	return smi_sys_now_ns() - start_ns;
}

/*
 * Many readers enter section after section. A grace period waits only for the
 * sections under way at its begin: as long as one section takes, not as long as
 * all of them one after the other. The best of many attempts counts, since the
 * machine may be busy.
 */
static void test_waits_for_the_longest(void **state)
{
	uint64_t best_ns = UINT64_MAX;
	pthread_t threads[NREADERS];
	atomic_int is_over = 0;

	for (int i = 0; i < NREADERS; i++) {
		assert_int_equal(
			pthread_create(&threads[i], NULL, read_on, &is_over),
			0);
		usleep(SECTION_US / NREADERS);
	}
	for (int i = 0; i < NTRIES && best_ns >= LONGEST_NS; i++) {
		uint64_t ns = synchronize_ns();

		best_ns = ns < best_ns ? ns : best_ns;
	}
	atomic_store(&is_over, 1);
	for (int i = 0; i < NREADERS; i++)
		pthread_join(threads[i], NULL);
	assert_true(best_ns < LONGEST_NS);
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
		alarm(120); /* a lock that is never released */
		smi_sys_rcu_read_unlock(smi_sys_rcu_read_lock());
		_exit(smi_sys_rcu_synchronize() && use_memory() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_waits_for(&holder);
}

TEST_MAIN(test_waits, test_slots_come_back, test_slots_come_back_late,
	  test_without_slots, test_waits_for_the_longest, test_fork)
