/* SPDX-License-Identifier: MIT */
/*
 * bench-code's clock, median and output, as text or as JSON.
 */
#ifndef BENCH_BENCH_CODE_ROWS_H
#define BENCH_BENCH_CODE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Processor time of this thread. */
uint64_t bench_code_ns(void);
double bench_code_median(double *samples, size_t n);

/* Rows go out between begin and end; @json: as an array of objects. */
void bench_code_begin(bool json);
void bench_code_row(const char *what, double value, const char *unit);
void bench_code_end(void);

/* A negative result ends the benchmark. */
void bench_code_must(int ret, const char *what);

#endif
