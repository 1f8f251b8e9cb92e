/* SPDX-License-Identifier: MIT */
/*
 * Two threads on two processors: on a busy machine the scheduler may run them
 * in turns on one, where they never race.
 */
#ifndef TESTS_SUPPORT_PIN_H
#define TESTS_SUPPORT_PIN_H

#include <sched.h>
#include <stdbool.h>

struct test_pin {
	cpu_set_t before; /* of the thread that called test_pin_apart */
	int other;	  /* processor for the other thread */
};

/*
 * Pin the calling thread to the first processor it may use.
 * Return: false, and not pinned, if that is the only one.
 */
bool test_pin_apart(struct test_pin *pin);

/* For the other thread. */
void test_pin_to(int processor);

/* The calling thread may use what it could before test_pin_apart. */
void test_unpin(const struct test_pin *pin);

#endif
