/* SPDX-License-Identifier: MIT */
/*
 * The guest's clock, on the host's monotonic one.
 */
#include "devices/clock.h"

#include "base/host.h"

void vm_clock_start(struct vm_clock *clock)
{
	if (clock->running)
		return;
	clock->running = true;
	clock->started_ns = host_now_ns();
}

void vm_clock_stop(struct vm_clock *clock)
{
	clock->before_ns = vm_clock_ns(clock);
	clock->running = false;
}

uint64_t vm_clock_ns(const struct vm_clock *clock)
{
	if (!clock->running)
		return clock->before_ns;
	return clock->before_ns + (uint64_t)(host_now_ns() - clock->started_ns);
}
