/* SPDX-License-Identifier: MIT */
/*
 * What the library adds is the median of the ratios of neighbouring samples,
 * so that a machine that becomes slower meanwhile does not matter. Its range is
 * from the first to the third quartile.
 */
#include "sources_print.h"

#include <stdio.h>

#include "bench_clock.h"
#include "bench_program.h"
#include "bench_progress.h"

#define GIB_PAGES 262144.0

static const struct phase {
	const char *name;
	bool is_per_page; /* of those written, in ns; else per GiB, in us */
} phases[SOURCES_NPHASES] = {
	[SOURCES_ARM] = {"arm_us_per_gib", false},
	[SOURCES_SCAN] = {"scan_us_per_gib", false},
	[SOURCES_WRITE] = {"write_ns_per_page", true},
	[SOURCES_HARVEST] = {"harvest_ns_per_page", true},
	[SOURCES_TAKE] = {"take_ns_per_page", true},
	[SOURCES_STOP] = {"stop_us_per_gib", false},
};

/* library / bare: the harvest, and all that a mechanism does in a pass */
struct adds {
	double harvest;
	double pass, low, high;
};

static struct {
	unsigned int njudged, nmissed;
} summary;

static bool has_phase(const struct sources_row *row, int which,
		      enum sources_phase phase)
{
	return phase != SOURCES_TAKE ||
	       sources_side_of(row->mechanism, which)->take;
}

static double scaled(const struct sources_row *row, enum sources_phase phase,
		     double us)
{
	if (phases[phase].is_per_page)
		return us * 1000 / (double)row->ndirty;
	return us * GIB_PAGES / (double)row->npages;
}

/*
 * A take of the library also hands the pages over, which the bare calls do not.
 * So it counts where it re-arms or fetches, and not elsewhere. That of a side
 * without one is 0.
 */
static double pass_us(const struct sources_row *row, int which, unsigned int i)
{
	double us = row->us[which][SOURCES_HARVEST][i];

	if (has_phase(row, SOURCES_BARE, SOURCES_TAKE) ||
	    row->mechanism->take_fetches)
		us += row->us[which][SOURCES_TAKE][i];
	return us;
}

/* While the samples are in the order they were taken. */
static struct adds compare(const struct sources_row *row)
{
	double harvests[SOURCES_MAX_SAMPLES], passes[SOURCES_MAX_SAMPLES];
	unsigned int n = row->nsamples;
	struct adds adds = {0};

	for (unsigned int i = 0; i < n; i++) {
		harvests[i] = row->us[SOURCES_LIBRARY][SOURCES_HARVEST][i] /
			      row->us[SOURCES_BARE][SOURCES_HARVEST][i];
		passes[i] = pass_us(row, SOURCES_LIBRARY, i) /
			    pass_us(row, SOURCES_BARE, i);
	}
	adds.harvest = bench_median(harvests, n);
	adds.pass = bench_median(passes, n);
	/* sorted by now */
	adds.low = passes[n / 4];
	adds.high = passes[n - 1 - n / 4];
	return adds;
}

/* One sample judges nothing. */
static bool is_judged(const struct sources_row *row)
{
	return row->mechanism->must > 0 && row->nsamples > 1;
}

static bool is_missed(const struct sources_row *row, const struct adds *adds)
{
	return is_judged(row) && adds->pass > row->mechanism->must;
}

static void json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

static void json_side(struct sources_row *row, int which, const char *name)
{
	unsigned int n = row->nsamples;

	printf(", \"%s\": {\"found\": %llu", name,
	       (unsigned long long)row->found[which]);
	for (int p = 0; p < SOURCES_NPHASES; p++) {
		double *us = row->us[which][p];
		double median = bench_median(us, n);

		if (has_phase(row, which, p))
			printf(", \"%s\": {\"median\": %.2f, \"min\": %.2f, "
			       "\"max\": %.2f}",
			       phases[p].name, scaled(row, p, median),
			       scaled(row, p, us[0]),
			       scaled(row, p, us[n - 1]));
	}
	putchar('}');
}

static void json_adds(const struct sources_row *row, const struct adds *adds)
{
	printf(", \"library_adds\": {\"harvest\": %.3f, \"pass\": %.3f, "
	       "\"pass_low\": %.3f, \"pass_high\": %.3f}",
	       adds->harvest, adds->pass, adds->low, adds->high);
	if (row->mechanism->must > 0)
		printf(", \"must\": %.2f", row->mechanism->must);
	if (is_judged(row))
		printf(", \"is_met\": %s",
		       is_missed(row, adds) ? "false" : "true");
}

static void json_row(struct sources_row *row, const struct adds *adds)
{
	printf("{\"case\": ");
	json_string(row->mechanism->name);
	printf(", \"pages\": %llu, \"dirty\": %llu, \"samples\": %u, "
	       "\"rearms_in\": \"%s\"",
	       (unsigned long long)row->npages, (unsigned long long)row->ndirty,
	       row->nsamples, row->mechanism->rearms_in);
	if (row->mechanism->library)
		json_side(row, SOURCES_LIBRARY, "library");
	json_side(row, SOURCES_BARE, "bare");
	if (row->mechanism->library)
		json_adds(row, adds);
	puts("}");
}

static void text_side(struct sources_row *row, int which, const char *name)
{
	printf("%7llu %-8s", (unsigned long long)row->ndirty, name);
	for (int p = 0; p < SOURCES_NPHASES; p++) {
		double us = bench_median(row->us[which][p], row->nsamples);

		if (has_phase(row, which, p))
			printf(" %13.1f", scaled(row, p, us));
		else
			printf(" %13s", "");
	}
	if (row->found[which] != row->ndirty)
		printf(" found %llu", (unsigned long long)row->found[which]);
}

static void text_row(struct sources_row *row, const struct adds *adds)
{
	text_side(row, SOURCES_BARE,
		  row->mechanism->library ? "bare" : "baseline");
	if (row->mechanism->library) {
		putchar('\n');
		text_side(row, SOURCES_LIBRARY, "library");
		printf(" %6.2f (%.2f to %.2f)%s", adds->pass, adds->low,
		       adds->high,
		       is_missed(row, adds) ? " above the limit" : "");
	}
	putchar('\n');
}

void sources_print_head(const struct sources_mechanism *mechanism)
{
	if (bench_settings.is_json)
		return;
	bench_progress_clear();
	printf("\n%s; re-armed in: %s\n", mechanism->name,
	       mechanism->rearms_in);
	printf("%7s %-8s %13s %13s %13s %13s %13s %13s %6s\n", "pages", "",
	       "arm us/GiB", "scan us/GiB", "write ns/p", "harvest ns/p",
	       "take ns/p", "stop us/GiB", "adds");
}

void sources_print_row(struct sources_row *row)
{
	struct adds adds = {0};

	if (row->mechanism->library)
		adds = compare(row);
	summary.njudged += is_judged(row);
	summary.nmissed += is_missed(row, &adds);
	bench_progress_clear();
	if (bench_settings.is_json)
		json_row(row, &adds);
	else
		text_row(row, &adds);
	fflush(stdout);
}

void sources_print_skip(const struct sources_mechanism *mechanism,
			const char *why)
{
	bench_progress_clear();
	if (bench_settings.is_json) {
		printf("{\"case\": ");
		json_string(mechanism->name);
		printf(", \"skipped\": ");
		json_string(why);
		puts("}");
	} else {
		printf("\n%s: skipped: %s\n", mechanism->name, why);
	}
	fflush(stdout);
}

unsigned int sources_print_summary(void)
{
	bench_progress_clear();
	if (bench_settings.is_json)
		printf("{\"case\": \"summary\", \"judged\": %u, \"missed\": "
		       "%u}\n",
		       summary.njudged, summary.nmissed);
	else if (summary.njudged)
		printf("\n%u of %u rows with a limit are above it\n",
		       summary.nmissed, summary.njudged);
	return summary.nmissed;
}
