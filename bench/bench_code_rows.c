/* SPDX-License-Identifier: MIT */
/*
 * bench-code's clock, median and output, as text or as JSON.
 */
#include "bench_code_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool is_json, has_rows;

void bench_code_begin(bool json)
{
	is_json = json;
}

void bench_code_end(void)
{
	if (is_json)
		puts("\n]");
}

uint64_t bench_code_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_code_median(double *samples, size_t n)
{
	qsort(samples, n, sizeof(*samples), compare);
	return samples[n / 2];
}

void bench_code_row(const char *what, double value, const char *unit)
{
	if (is_json)
		printf("%s\n  {\"case\": \"%s\", \"value\": %.1f, "
		       "\"unit\": \"%s\"}",
		       has_rows ? "," : "[", what, value, unit);
	else
		printf("%-64s %12.1f %s\n", what, value, unit);
	has_rows = true;
}

void bench_code_must(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "bench-code: %s: %s\n", what, strerror(-ret));
	exit(1);
}
