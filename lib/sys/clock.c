/* SPDX-License-Identifier: MIT */
/*
 * CLOCK_MONOTONIC: statistics and deadlines must not jump with the time of day.
 */
#include "sys/clock.h"

#include "common/clock.h"

uint64_t smi_sys_now_ns(void)
{
	return (uint64_t)clock_now_ns();
}
