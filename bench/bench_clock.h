/* SPDX-License-Identifier: MIT */
/*
 * What every benchmark measures with.
 */
#ifndef BENCH_BENCH_CLOCK_H
#define BENCH_BENCH_CLOCK_H

#include <stdint.h>

/* Processor time of this thread: machines are shared, and preempt. */
uint64_t bench_now_ns(void);

/* Sorts the samples. */
double bench_median(double *samples, unsigned int n);

#endif
