/* SPDX-License-Identifier: MIT */
/*
 * The clock and the median of all benchmarks.
 */
#ifndef BENCH_BENCH_CLOCK_H
#define BENCH_BENCH_CLOCK_H

#include <stdint.h>

/* Processor time of this thread, since a shared machine preempts it. */
uint64_t bench_now_ns(void);

/* The median of @n samples, which it sorts. */
double bench_median(double *samples, unsigned int n);

#endif
