/* SPDX-License-Identifier: MIT */
/*
 * Reports of intervals, and their sum.
 */
#include "rate/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"

static const struct {
	const char *name, *error;
} methods[] = {
	[RATE_UFFD] = {"uffd", "exact per interval, a page counted once"},
	[RATE_SOFT_DIRTY] = {"soft-dirty",
			     "exact per interval, a page counted once"},
	[RATE_SAMPLE] = {"sample",
			 "estimated from a sample, +- is 95 % confidence; a "
			 "write that changes nothing is not seen"},
	[RATE_BESIDE] = {"beside",
			 "a lower bound: a page counts once between two "
			 "re-arms of the other tracker, and not if it was "
			 "written after the last look before one; windows "
			 "begin at a re-arm"},
	[RATE_NOT_MEASURED] = {"none", "not measured"},
};

const char *rate_method_name(enum rate_method method)
{
	return methods[method].name;
}

const char *rate_method_error(enum rate_method method)
{
	return methods[method].error;
}

struct rate_process *rate_report_process(struct rate_report *report, pid_t pid)
{
	struct rate_process *processes;

	for (size_t i = 0; i < report->nprocesses; i++) {
		if (report->processes[i].pid == pid)
			return &report->processes[i];
	}
	processes = realloc(report->processes,
			    (report->nprocesses + 1) * sizeof(*processes));
	if (!processes)
		return NULL;
	report->processes = processes;
	processes += report->nprocesses++;
	*processes = (struct rate_process){.pid = pid};
	return processes;
}

void rate_window_add(struct rate_window *window, const struct rate_value *value,
		     double seconds)
{
	window->n++;
	window->seconds += seconds;
	window->pages += value->pages;
	window->max_pages = fmax(window->max_pages, value->pages);
	window->last = *value;
	window->is_known = true;
}

void rate_measure_begin(struct rate_measure *measure)
{
	struct rate_measure begun = {0};

	for (int i = 0; i < RATE_INTERVAL; i++) {
		begun.windows[i].last = measure->windows[i].last;
		begun.windows[i].is_known = measure->windows[i].is_known;
	}
	*measure = begun;
}

void rate_measure_end(struct rate_measure *measure,
		      const struct rate_value *pages, double seconds)
{
	measure->intervals = 1;
	measure->seconds = seconds;
	measure->pages = *pages;
	measure->max_pages_ps = seconds > 0 ? pages->pages / seconds : 0;
}

double rate_pages_ps(const struct rate_measure *measure)
{
	return measure->seconds > 0 ? measure->pages.pages / measure->seconds
				    : 0;
}

static void add_window(struct rate_window *to, const struct rate_window *from)
{
	to->n += from->n;
	to->seconds += from->seconds;
	to->pages += from->pages;
	to->max_pages = fmax(to->max_pages, from->max_pages);
	to->last = from->last;
	to->is_known = to->is_known || from->is_known;
}

static void add_measure(struct rate_measure *to,
			const struct rate_measure *from)
{
	to->intervals += from->intervals;
	to->seconds += from->seconds;
	rate_value_add(&to->pages, &from->pages);
	to->max_pages_ps = fmax(to->max_pages_ps, from->max_pages_ps);
	for (int w = 0; w < RATE_INTERVAL; w++)
		add_window(&to->windows[w], &from->windows[w]);
}

static int add_process(struct rate_process *to, const struct rate_process *from)
{
	struct rate_measure measure = to->measure;
	struct rate_mappings mappings = to->mappings;

	add_measure(&measure, &from->measure);
	*to = *from;
	to->measure = measure;
	to->mappings = mappings;
	return rate_mappings_merge(&to->mappings, &from->mappings);
}

int rate_report_add(struct rate_report *summary,
		    const struct rate_report *interval)
{
	int ret = 0;

	for (size_t i = 0; i < interval->nprocesses && !ret; i++) {
		const struct rate_process *from = &interval->processes[i];
		struct rate_process *to =
			rate_report_process(summary, from->pid);

		ret = to ? add_process(to, from) : -ENOMEM;
	}
	add_measure(&summary->sum, &interval->sum);
	summary->is_summary = true;
	summary->number++;
	summary->elapsed_s = interval->elapsed_s;
	return ret;
}

void rate_report_free(struct rate_report *report)
{
	for (size_t i = 0; i < report->nprocesses; i++)
		rate_mappings_free(&report->processes[i].mappings);
	free(report->processes);
	*report = (struct rate_report){0};
}
