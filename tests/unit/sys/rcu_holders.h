/* SPDX-License-Identifier: MIT */
/*
 * Threads that hold a read section, or only a slot, for as long as a test
 * wants.
 */
#ifndef TESTS_UNIT_SYS_RCU_HOLDERS_H
#define TESTS_UNIT_SYS_RCU_HOLDERS_H

#include <pthread.h>
#include <stdbool.h>

#include "support.h"

#define NHOLDERS 600 /* more than there are slots */

/*
 * A thread that is in a section until the test lets it leave; then it lives on.
 */
struct holder {
	pthread_t thread;
	enum {
		BEGINS,
		READS,
		LEAVES,
		LIVES,
		ENDS
	} state;
	bool has_slot;
	pthread_cond_t changed;
};

/* It is in its section when this returns. Return: could it be started? */
bool start_holder(struct holder *holder);
/* It has left its section when this returns, and keeps its slot. */
void let_leave(struct holder *holder);
void end_holder(struct holder *holder);

/* NHOLDERS of them, which have left: no slot is free then. */
void start_holders(struct holder *holders);
void end_holders(struct holder *holders);

#endif
