/* SPDX-License-Identifier: MIT */
/*
 * A given number of steps per second.
 */
#include "pace.h"

#define LOOKS_PER_SECOND 100

void guest_pace_start(struct guest_pace *pace, uint64_t rate_ps,
		      uint64_t max_at_once)
{
	*pace = (struct guest_pace){.rate_ps = rate_ps,
				    .at_once = rate_ps / LOOKS_PER_SECOND,
				    .due = guest_timer()};
	if (pace->at_once < 1)
		pace->at_once = 1;
	if (pace->at_once > max_at_once)
		pace->at_once = max_at_once;
	pace->left = rate_ps ? pace->at_once : UINT64_MAX;
}

void guest_pace_wait(struct guest_pace *pace)
{
	uint64_t total = pace->at_once * GUEST_TIMER_HZ + pace->remainder;

	pace->due += (uint32_t)(total / pace->rate_ps);
	pace->remainder = total % pace->rate_ps;
	if ((int32_t)(guest_timer() - pace->due) > (int32_t)GUEST_TIMER_HZ)
		pace->due = guest_timer();
	guest_timer_wait(pace->due);
	pace->left = pace->at_once;
}
