/* SPDX-License-Identifier: MIT */
/*
 * Results that are one value each, as text or as one JSON array. The array is
 * complete also when the benchmark is interrupted.
 */
#include "bench_values.h"

#include <stdbool.h>
#include <stdio.h>

#include "bench_program.h"
#include "bench_progress.h"

static bool has_values;

void bench_values_begin(void)
{
	if (bench_settings.is_json)
		fputs("[", stdout);
}

void bench_value(const char *what, double value, const char *unit)
{
	bench_progress_clear();
	if (bench_settings.is_json)
		printf("%s\n  {\"case\": \"%s\", \"value\": %.3f, "
		       "\"unit\": \"%s\"}",
		       has_values ? "," : "", what, value, unit);
	else
		printf("%-64s %12.3f %s\n", what, value, unit);
	fflush(stdout);
	has_values = true;
}

void bench_values_end(void)
{
	if (bench_settings.is_json)
		puts("\n]");
}
