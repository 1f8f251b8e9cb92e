/* SPDX-License-Identifier: MIT */
/*
 * Results that are one value each, as text or as one JSON array.
 */
#ifndef BENCH_BENCH_VALUES_H
#define BENCH_BENCH_VALUES_H

/* Values go out between begin and end. */
void bench_values_begin(void);
void bench_value(const char *what, double value, const char *unit);
void bench_values_end(void);

#endif
