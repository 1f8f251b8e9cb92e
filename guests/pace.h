/* SPDX-License-Identifier: MIT */
/*
 * A given number of steps per second, by the machine's timer.
 *
 * The timer is read once for several steps, since reading it may be an exit to
 * the host. A host that is more than a second late is too slow: steps that it
 * missed are not made up for.
 */
#ifndef GUESTS_PACE_H
#define GUESTS_PACE_H

#include "machine.h"

struct guest_pace {
	uint64_t rate_ps;   /* steps per second, 0 = no limit */
	uint64_t at_once;   /* steps between two readings of the timer */
	uint64_t left;	    /* steps until the next reading */
	uint64_t remainder; /* of the division by the rate, carried over */
	uint32_t due;	    /* timer value to wait for when none is left */
};

/* At most @max_at_once steps between two readings of the timer. */
void guest_pace_start(struct guest_pace *pace, uint64_t rate_ps,
		      uint64_t max_at_once);

/* Wait until the steps that were done are due. */
void guest_pace_wait(struct guest_pace *pace);

static inline void guest_pace_step(struct guest_pace *pace)
{
	if (--pace->left == 0)
		guest_pace_wait(pace);
}

#endif
