/* SPDX-License-Identifier: MIT */
/*
 * The clock and the median of all benchmarks.
 */
#include <stdlib.h>
#include <time.h>

#include "bench_clock.h"

uint64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *samples, unsigned int n)
{
	qsort(samples, n, sizeof(*samples), compare_doubles);
	return samples[n / 2];
}
