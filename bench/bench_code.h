/* SPDX-License-Identifier: MIT */
/*
 * What the two files of bench-code share.
 */
#ifndef BENCH_BENCH_CODE_H
#define BENCH_BENCH_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Processor time of this thread. */
uint64_t bench_code_ns(void);
double bench_code_median(double *samples, size_t n);
void bench_code_row(const char *what, double value, const char *unit);
/* A negative result ends the benchmark. */
void bench_code_must(int ret, const char *what);

/* A guest in Unicorn whose code is written by DMA. */
void bench_code_unicorn(void);

#endif
