/* SPDX-License-Identifier: MIT */
/*
 * Nothing is freed under a reader, whatever the reader is: a thread with a
 * slot, one of those that share a word, a signal handler.
 */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "pin.h"
#include "rcu_holders.h"

#include "sys/clock.h"
#include "sys/rcu.h"

#define NLINES	64
#define NLOOKS	5000 /* a section lasts longer than the stores before it */
#define RACE_NS UINT64_C(500000000)

/* What readers look at: 1 while it may be seen, 0 when it was freed. */
struct object {
	_Alignas(64) atomic_int is_alive;
};

struct line {
	_Alignas(64) atomic_int number;
};

struct race {
	struct object objects[2];
	_Atomic(struct object *) published;
	struct line lines[NLINES];
	atomic_bool is_over;
	atomic_uint nfreed; /* objects met after they were freed */
	unsigned int nsections;
	bool has_slot;
};

static struct race race;

/* The barrier returns true and does nothing. */
static bool is_left_out;

bool __real_smi_sys_barrier(void);
bool __wrap_smi_sys_barrier(void);

bool __wrap_smi_sys_barrier(void)
{
	return is_left_out || __real_smi_sys_barrier();
}

static void read_once(void)
{
	struct smi_sys_rcu_slot *slot = smi_sys_rcu_read_lock();
	struct object *object =
		atomic_load_explicit(&race.published, memory_order_acquire);

	for (int i = 0; i < NLOOKS; i++) {
		if (!atomic_load_explicit(&object->is_alive,
					  memory_order_relaxed))
			atomic_fetch_add(&race.nfreed, 1);
	}
	smi_sys_rcu_read_unlock(slot);
}

static void handle(int signal)
{
	read_once();
}

/* Stores that wait for their cache lines hold back that of the section. */
static void *read_all_the_time(void *opaque)
{
	int n = 0;

	test_pin_to(*(int *)opaque);
	/* Once at least, however late this thread begins. */
	do {
		n++;
		for (int i = 0; i < NLINES; i++)
			atomic_store_explicit(&race.lines[i].number, n,
					      memory_order_relaxed);
		read_once();
		race.nsections++;
	} while (!atomic_load_explicit(&race.is_over, memory_order_relaxed));
	race.has_slot = atomic_load(&smi_sys_rcu_own) != NULL;
	return NULL;
}

/* Read them all, so that the reader has to get them back one by one. */
static int read_lines(unsigned int wanted)
{
	int number = 0;

	for (unsigned int i = 0; i < NLINES; i++) {
		int n = atomic_load_explicit(&race.lines[i].number,
					     memory_order_relaxed);

		if (i == wanted)
			number = n;
	}
	return number;
}

/* Until the reader is at work on its lines, or there is no time left. */
static void wait_for_reader(unsigned int turn, uint64_t until_ns)
{
	int number = read_lines(turn % NLINES);

	for (unsigned int tries = 0; read_lines(turn % NLINES) == number;
	     tries++) {
		if (tries % 100 == 99 && smi_sys_now_ns() >= until_ns)
			return;
	}
}

/* Publish the other object, and free this one. */
static void replace(unsigned int turn, uint64_t until_ns)
{
	struct object *old = &race.objects[turn % 2];
	struct object *new = &race.objects[(turn + 1) % 2];

	atomic_store_explicit(&new->is_alive, 1, memory_order_relaxed);
	wait_for_reader(turn, until_ns);
	atomic_store_explicit(&race.published, new, memory_order_release);
	assert_true(smi_sys_rcu_synchronize());
	atomic_store_explicit(&old->is_alive, 0, memory_order_relaxed);
}

/* Return: how often a reader met what was freed. */
static unsigned int run_race(bool has_signals)
{
	uint64_t until_ns = smi_sys_now_ns() + RACE_NS;
	struct test_pin pin;
	pthread_t reader;
	unsigned int turn = 0;

	if (!test_pin_apart(&pin))
		test_skip_without("two processors", "there is only one");

	memset(&race, 0, sizeof(race));
	atomic_store(&race.objects[0].is_alive, 1);
	atomic_store(&race.published, &race.objects[0]);
	assert_int_equal(
		pthread_create(&reader, NULL, read_all_the_time, &pin.other),
		0);
	for (; smi_sys_now_ns() < until_ns; turn++) {
		if (has_signals)
			pthread_kill(reader, SIGUSR1);
		replace(turn, until_ns);
	}
	atomic_store(&race.is_over, true);
	pthread_join(reader, NULL);
	test_unpin(&pin);
	fprintf(stderr, "# %u sections, %u replaced, %u met freed\n",
		race.nsections, turn, atomic_load(&race.nfreed));
	return atomic_load(&race.nfreed);
}

/* Skip the test unless the race is lost without the barrier. */
static void need_losses(void)
{
	unsigned int nfreed = 0;

	is_left_out = true;
	for (int i = 0; i < 8 && !nfreed; i++)
		nfreed = run_race(false);
	is_left_out = false;
	if (!nfreed)
		test_skip_without("stores in flight",
				  "nothing is lost without the barrier either");
}

static void test_race(void **state)
{
	need_losses();
	assert_int_equal(run_race(false), 0);
	assert_true(race.has_slot);
}

static void test_race_with_signals(void **state)
{
	struct sigaction action = {.sa_handler = handle}, before;

	sigaction(SIGUSR1, &action, &before);
	assert_int_equal(run_race(true), 0);
	sigaction(SIGUSR1, &before, NULL);
}

static void test_race_without_slots(void **state)
{
	static struct holder holders[NHOLDERS];

	start_holders(holders);
	assert_int_equal(run_race(false), 0);
	end_holders(holders);
	assert_false(race.has_slot);
}

TEST_MAIN(test_race, test_race_with_signals, test_race_without_slots)
