/* SPDX-License-Identifier: MIT */
/*
 * Threads at the log: one at a time writes, no other one waits for it but a
 * close, and a write may close its own log. A child of fork(2) begins anew. And
 * the message about a thread that holds others up.
 */
#include "support.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log_catch.h"
#include "sys/clock.h"
#include "sys/log.h"
#include "sys/rcu.h"

#define NTHREADS 4
#define NROUNDS	 300
#define NTRIES	 50

/* A grace period that takes longer is told, with these words. */
#define HELD_UP_NS UINT64_C(1000000000)
#define LATE	   "rcu: a grace period took"

/* A write that waits until the test lets it go. */
static sem_t begun, let_go;
static atomic_bool has_closed;

static void deliver(void)
{
	SMI_SYS_LOG_SCOPE();
}

static void say(const char *text)
{
	SMI_SYS_LOG(SMUDGE_LOG_INFO, "test", "%s", text);
}

static void hang(void *opaque)
{
	sem_post(&begun);
	sem_wait(&let_go);
}

static void *deliver_on_thread(void *opaque)
{
	deliver();
	return NULL;
}

/* On return a thread is within the write of @c. */
static pthread_t begin_hanging(struct log_catch *c)
{
	pthread_t thread;

	log_catch_open(c, SMUDGE_LOG_INFO);
	sem_init(&begun, 0, 0);
	sem_init(&let_go, 0, 0);
	c->then = hang;
	say("first");
	assert_int_equal(pthread_create(&thread, NULL, deliver_on_thread, NULL),
			 0);
	sem_wait(&begun);
	return thread;
}

/* The messages of a thread that does not wait are written by the one that
 * writes. */
static void test_nothing_waits(void **state)
{
	struct log_catch c;
	pthread_t thread = begin_hanging(&c);

	say("second");
	deliver();
	assert_int_equal(smi_sys_log_npending, 1);
	sem_post(&let_go);
	sem_post(&let_go);
	pthread_join(thread, NULL);
	assert_int_equal(c.n, 2);
	log_catch_close(&c);
}

static void *close_on_thread(void *opaque)
{
	log_catch_close(opaque);
	atomic_store(&has_closed, true);
	return NULL;
}

static void test_close_waits(void **state)
{
	struct log_catch c;
	pthread_t thread = begin_hanging(&c), closer;

	atomic_store(&has_closed, false);
	assert_int_equal(pthread_create(&closer, NULL, close_on_thread, &c), 0);
	usleep(20000);
	assert_false(atomic_load(&has_closed));
	sem_post(&let_go);
	pthread_join(closer, NULL);
	pthread_join(thread, NULL);
	assert_int_equal(c.n, 1);
}

static void close_it(void *opaque)
{
	log_catch_close(opaque);
}

static void test_close_within_write(void **state)
{
	struct log_catch c;

	log_catch_open(&c, SMUDGE_LOG_INFO);
	c.then = close_it;
	c.opaque = &c;
	say("first");
	say("second");
	deliver();
	assert_int_equal(c.n, 1);
}

static bool works_in_child(void)
{
	struct log_catch c;

	say("no log wants this");
	if (smi_sys_log_npending)
		return false;
	log_catch_open(&c, SMUDGE_LOG_INFO);
	say("in the child");
	deliver();
	log_catch_close(&c);
	return c.n == 1;
}

/* While another thread writes, which the child does not have. */
static void test_fork(void **state)
{
	struct log_catch c;
	pthread_t thread = begin_hanging(&c);
	int status = -1;
	pid_t child;

	say("second");
	child = fork();
	if (child == 0)
		_exit(works_in_child() ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	sem_post(&let_go);
	sem_post(&let_go);
	pthread_join(thread, NULL);
	assert_int_equal(c.n, 2);
	log_catch_close(&c);
}

static void *hold_up(void *opaque)
{
	struct smi_sys_rcu_slot *slot = smi_sys_rcu_read_lock();

	sem_post(&begun);
	usleep(HELD_UP_NS / 1000 + 100000);
	smi_sys_rcu_read_unlock(slot);
	return NULL;
}

/* Return: how often it was told that a grace period took long. */
static size_t synchronize_and_count(struct log_catch *c)
{
	size_t before = log_catch_count(c, LATE);

	assert_true(smi_sys_rcu_synchronize());
	deliver();
	return log_catch_count(c, LATE) - before;
}

static size_t count_beside_a_holder(struct log_catch *c)
{
	pthread_t thread;
	size_t n;

	sem_init(&begun, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, hold_up, NULL), 0);
	sem_wait(&begun);
	n = synchronize_and_count(c);
	pthread_join(thread, NULL);
	return n;
}

/*
 * A thread that stays in a mark for more than a second is told. On a busy
 * machine a grace period may begin when it has nearly left, and is tried again;
 * or take a second by itself.
 */
static void test_late_grace_period(void **state)
{
	uint64_t began_ns = smi_sys_now_ns();
	struct log_catch c;
	size_t n;

	log_catch_open(&c, SMUDGE_LOG_WARNING);
	n = synchronize_and_count(&c);
	if (smi_sys_now_ns() - began_ns < HELD_UP_NS)
		assert_int_equal(n, 0);
	n = 0;
	for (int i = 0; i < NTRIES && !n; i++)
		n = count_beside_a_holder(&c);
	assert_int_equal(n, 1);
	log_catch_close(&c);
}

static void *open_and_say(void *opaque)
{
	for (int i = 0; i < NROUNDS; i++) {
		struct log_catch c;

		log_catch_open(&c, SMUDGE_LOG_INFO);
		for (int k = 0; k < 3; k++) {
			struct smi_sys_log_kind kind = {0};

			smi_sys_log_note(&kind, SMUDGE_LOG_INFO, "test", "%d",
					 k);
			deliver();
		}
		log_catch_close(&c);
	}
	return NULL;
}

static void test_all_at_once(void **state)
{
	pthread_t threads[NTHREADS];

	for (size_t i = 0; i < NTHREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, open_and_say, NULL),
			0);
	for (size_t i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	deliver();
	assert_int_equal(smi_sys_log_npending, 0);
	assert_int_equal(smi_sys_log_level, 0);
}

TEST_MAIN(test_nothing_waits, test_close_waits, test_close_within_write,
	  test_fork, test_late_grace_period, test_all_at_once)
