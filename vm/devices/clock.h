/* SPDX-License-Identifier: MIT */
/*
 * The guest's clock: nanoseconds that stand still while the machine is
 * stopped. It has no lock of its own.
 */
#ifndef VM_DEVICES_CLOCK_H
#define VM_DEVICES_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct vm_clock {
	uint64_t before_ns; /* up to the last stop */
	int64_t started_ns; /* host time of the last start */
	bool running;
};

void vm_clock_start(struct vm_clock *clock);
void vm_clock_stop(struct vm_clock *clock);
uint64_t vm_clock_ns(const struct vm_clock *clock);

#endif
