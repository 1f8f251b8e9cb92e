/* SPDX-License-Identifier: MIT */
/*
 * Pins one thread to the first processor, and the other to the last one.
 */
#include "pin.h"

void test_pin_to(int processor)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(processor, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

bool test_pin_apart(struct test_pin *pin)
{
	int first = -1;

	if (sched_getaffinity(0, sizeof(pin->before), &pin->before))
		return false;
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &pin->before))
			continue;
		first = first < 0 ? i : first;
		pin->other = i;
	}
	if (first < 0 || first == pin->other)
		return false;
	test_pin_to(first);
	return true;
}

void test_unpin(const struct test_pin *pin)
{
	sched_setaffinity(0, sizeof(pin->before), &pin->before);
}
