/* SPDX-License-Identifier: MIT */
/*
 * What the first write to an armed page costs, tried on this process.
 */
#ifndef TOOLS_RATE_FAULT_COST_H
#define TOOLS_RATE_FAULT_COST_H

#include "rate/report.h"

/*
 * rate_fault_cost_ns - how much longer a write to an armed page takes than one
 *      to a page that is not
 * @method: RATE_UFFD or RATE_SOFT_DIRTY
 *
 * The median of several passes over memory of this process, which the library
 * tracks by the same mechanism. A guest's first writes cost more, since they
 * leave the guest. The first call for a method takes a few milliseconds.
 * Threads: one at a time.
 * Return: 0 if it cannot be tried.
 */
double rate_fault_cost_ns(enum rate_method method);

#endif
