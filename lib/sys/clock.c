/* SPDX-License-Identifier: MIT */
/*
 * CLOCK_MONOTONIC: statistics and time limits must not jump with the date.
 */
#include "sys/clock.h"

#include <time.h>

uint64_t smi_sys_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) +
	       (uint64_t)ts.tv_nsec;
}
