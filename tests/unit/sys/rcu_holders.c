/* SPDX-License-Identifier: MIT */
/*
 * The threads, and the lock under which a test gives them orders.
 */
#include "rcu_holders.h"

#include <stdatomic.h>
#include <string.h>

#include "sys/rcu.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void change(struct holder *holder, unsigned int state)
{
	pthread_mutex_lock(&lock);
	holder->state = state;
	pthread_cond_broadcast(&holder->changed);
	pthread_mutex_unlock(&lock);
}

static void wait_for(struct holder *holder, unsigned int state)
{
	pthread_mutex_lock(&lock);
	while (holder->state < state)
		pthread_cond_wait(&holder->changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void *hold(void *opaque)
{
	struct holder *holder = opaque;
	struct smi_sys_rcu_slot *outer = smi_sys_rcu_read_lock();

	holder->has_slot = atomic_load(&smi_sys_rcu_own) != NULL;
	/* nested sections come and go, and end nothing */
	for (int i = 0; i < 3; i++)
		smi_sys_rcu_read_unlock(smi_sys_rcu_read_lock());
	change(holder, READS);
	wait_for(holder, LEAVES);
	smi_sys_rcu_read_unlock(smi_sys_rcu_read_lock());
	smi_sys_rcu_read_unlock(outer);
	change(holder, LIVES);
	wait_for(holder, ENDS);
	return NULL;
}

bool start_holder(struct holder *holder)
{
	pthread_attr_t attr;
	bool is_started;

	memset(holder, 0, sizeof(*holder));
	pthread_cond_init(&holder->changed, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	is_started = !pthread_create(&holder->thread, &attr, hold, holder);
	pthread_attr_destroy(&attr);
	if (is_started)
		wait_for(holder, READS);
	return is_started;
}

void let_leave(struct holder *holder)
{
	change(holder, LEAVES);
	wait_for(holder, LIVES);
}

void end_holder(struct holder *holder)
{
	let_leave(holder);
	change(holder, ENDS);
	pthread_join(holder->thread, NULL);
}

void start_holders(struct holder *holders)
{
	int nwithout = 0;

	for (int i = 0; i < NHOLDERS; i++) {
		assert_true(start_holder(&holders[i]));
		nwithout += !holders[i].has_slot;
		let_leave(&holders[i]);
	}
	assert_in_range(nwithout, 1, NHOLDERS - 1);
}

void end_holders(struct holder *holders)
{
	for (int i = 0; i < NHOLDERS; i++)
		change(&holders[i], ENDS);
	for (int i = 0; i < NHOLDERS; i++)
		pthread_join(holders[i].thread, NULL);
}
