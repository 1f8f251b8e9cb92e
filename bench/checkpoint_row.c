/* SPDX-License-Identifier: MIT */
/*
 * Times and rows of bench-checkpoint, as text or as one JSON object per line.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench_clock.h"
#include "bench_program.h"
#include "bench_progress.h"
#include "checkpoint.h"

static unsigned int nmissed;

double checkpoint_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void checkpoint_add(struct checkpoint_times *times, double ms)
{
	if (times->n < CHECKPOINT_MAX_SAMPLES)
		times->ms[times->n++] = ms;
}

/* Of a copy, since the samples of a row belong together. */
static double median_of(const struct checkpoint_times *times)
{
	struct checkpoint_times copy = *times;

	return bench_median(copy.ms, copy.n);
}

static double ratio_of(const struct checkpoint_row *row)
{
	struct checkpoint_times ratios = {.n = row->times->n};

	for (unsigned int i = 0; i < ratios.n; i++)
		ratios.ms[i] = row->times->ms[i] / row->base->ms[i];
	return bench_median(ratios.ms, ratios.n);
}

static const char *unit_of(const struct checkpoint_row *row)
{
	return row->unit ? row->unit : "ms";
}

static void print_text(const struct checkpoint_row *row, double ms,
		       double ratio, const char *verdict)
{
	printf("%-10s %-34s %10.2f %s", row->name, row->what, ms, unit_of(row));
	if (row->base)
		printf("  %5.2f of %s (%.2f ms)", ratio, row->base_name,
		       median_of(row->base));
	if (row->must > 0)
		printf("  must be %g, aim %g: %s", row->must, row->aim,
		       verdict);
	putchar('\n');
}

static void print_json(const struct checkpoint_row *row, double ms,
		       double ratio, bool is_judged, bool is_met)
{
	printf("{\"case\": \"%s\", \"what\": \"%s\", \"samples\": %u, "
	       "\"%s\": %.3f",
	       row->name, row->what, row->times->n, unit_of(row), ms);
	if (row->base)
		printf(", \"baseline\": \"%s\", \"baseline_ms\": %.3f, "
		       "\"ratio\": %.3f",
		       row->base_name, median_of(row->base), ratio);
	if (row->must > 0)
		printf(", \"must\": %g, \"aim\": %g", row->must, row->aim);
	if (is_judged)
		printf(", \"is_met\": %s", is_met ? "true" : "false");
	puts("}");
}

void checkpoint_print(const struct checkpoint_row *row)
{
	bool is_judged = row->must > 0 && row->times->n > 1 &&
			 bench_settings.scope != BENCH_QUICK;
	double ms, ratio;
	bool is_met;

	if (!row->times->n || (row->base && row->base->n != row->times->n))
		return; /* interrupted */
	ms = median_of(row->times);
	ratio = row->base ? ratio_of(row) : 0;
	is_met = (row->base ? ratio : ms) <= row->must;
	bench_progress_clear();
	if (bench_settings.is_json)
		print_json(row, ms, ratio, is_judged, is_met);
	else
		print_text(row, ms, ratio,
			   !is_judged ? "not judged"
			   : is_met   ? "it is"
				      : "it is not");
	fflush(stdout);
	nmissed += is_judged && !is_met;
}

void checkpoint_skip(const char *name, const char *why)
{
	bench_progress_clear();
	printf(bench_settings.is_json
		       ? "{\"case\": \"%s\", \"skipped\": \"%s\"}\n"
		       : "%s: skipped: %s\n",
	       name, why);
}

unsigned int checkpoint_missed(void)
{
	return nmissed;
}
