/* SPDX-License-Identifier: MIT */
/*
 * A tracker that is killed, or stopped for a while, at each step of attaching
 * and leaving or of holding the target, or whose guardian is. The target's
 * results stay right, and nothing is left in it.
 */
#ifndef TESTS_PROCESS_STEPS_H
#define TESTS_PROCESS_STEPS_H

#include <stdbool.h>

#include "tracker.h"

/* @has_filter: the target has a filter that kills what makes a userfaultfd */
void steps_disturb(enum tracker_work work, enum tracker_disturbance disturbance,
		   bool has_filter);

#endif
