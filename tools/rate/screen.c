/* SPDX-License-Identifier: MIT */
/*
 * A report as lines.
 */
#include "rate/screen.h"

#include <math.h>

#include "common/range.h"
#include "rate/buffer.h"
#include "rate/lines.h"
#include "rate/rows.h"
#include "text.h"

#define LABEL_COLUMNS 8
#define MIN_CELL      5
#define MAX_CELL      13
#define COST_ON_ONE   72 /* line, from so many columns on */

static double megabytes(double pages)
{
	return pages * RATE_PAGE_BYTES / 1e6;
}

static void put_title(struct rate_lines *lines,
		      const struct rate_report *report)
{
	const struct rate_process *first = report->processes;
	char elapsed[TEXT_BYTES];

	text_clock(elapsed, report->elapsed_s);
	if (report->nprocesses == 1)
		rate_lines_put(lines, RATE_BOLD, "%s  %d %s  %s%s%s", elapsed,
			       (int)first->pid, first->name,
			       rate_method_name(first->method),
			       first->has_ended ? ", ended" : "",
			       first->execs ? ", has run another program" : "");
	else
		rate_lines_put(lines, RATE_BOLD, "%s  %zu processes", elapsed,
			       report->nprocesses);
}

/* Without a sample the interval of confidence is empty. */
static void put_rate(struct rate_lines *lines, const struct rate_report *report)
{
	const struct rate_measure *sum = &report->sum;
	double ps = rate_pages_ps(sum);
	double error = (sum->pages.high_pages - sum->pages.low_pages) / 2;
	char count[TEXT_BYTES];
	char half[TEXT_BYTES];

	text_count(count, ps, 12);
	if (sum->pages.is_lower_bound) {
		rate_lines_put(lines, RATE_BOLD,
			       "at least %s pages/s  %.1f MB/s", count,
			       megabytes(ps));
		return;
	}
	if (error > 0 && sum->seconds > 0) {
		text_count(half, error / sum->seconds, 10);
		rate_lines_put(lines, RATE_BOLD,
			       "%s pages/s  %.1f MB/s  +- %s pages/s", count,
			       megabytes(ps), half);
		return;
	}
	rate_lines_put(lines, RATE_BOLD, "%s pages/s  %.1f MB/s", count,
		       megabytes(ps));
}

static double window_mean(const struct rate_window *window)
{
	return window->n ? window->pages / (double)window->n : 0;
}

/* Cells that fit beside the label, the shortest windows first. */
static int ncells(const struct rate_lines *lines)
{
	if (lines->columns < LABEL_COLUMNS + MIN_CELL)
		return 0;
	return (int)min_u64((lines->columns - LABEL_COLUMNS) / MIN_CELL,
			    RATE_INTERVAL);
}

static int cell_width(const struct rate_lines *lines)
{
	return (int)min_u64((lines->columns - LABEL_COLUMNS) /
				    (unsigned int)ncells(lines),
			    MAX_CELL);
}

/* A row of the table of windows. */
static void put_cells(struct rate_lines *lines, const char *label,
		      const struct rate_window *windows,
		      double (*of)(const struct rate_window *))
{
	int width = cell_width(lines);
	char text[RATE_INTERVAL * (MAX_CELL + 1)] = "";
	size_t len = 0;

	for (int w = 0; w < ncells(lines); w++) {
		char cell[TEXT_BYTES] = "-";

		if (windows[w].is_known)
			text_count(cell, of(&windows[w]), (size_t)width - 1);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%*.*s",
					width, width, cell);
	}
	rate_lines_put(lines, RATE_PLAIN, "%-*s%s", LABEL_COLUMNS, label, text);
}

static void put_window_names(struct rate_lines *lines)
{
	static const char *const names[RATE_INTERVAL] = {"0.1s", "0.5s", "1s",
							 "5s"};
	int width = cell_width(lines);
	char text[RATE_INTERVAL * (MAX_CELL + 1)] = "";
	size_t len = 0;

	for (int w = 0; w < ncells(lines); w++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%*s",
					width, names[w]);
	rate_lines_put(lines, RATE_DIM, "%-*s%s", LABEL_COLUMNS, "unique",
		       text);
}

static double window_last(const struct rate_window *window)
{
	return window->last.pages;
}

static double window_last_mb(const struct rate_window *window)
{
	return megabytes(window->last.pages);
}

static double window_max(const struct rate_window *window)
{
	return window->max_pages;
}

static void put_windows(struct rate_lines *lines,
			const struct rate_report *report)
{
	const struct rate_window *windows = report->sum.windows;

	if (!ncells(lines))
		return;
	put_window_names(lines);
	put_cells(lines, "pages", windows, window_last);
	put_cells(lines, "MB", windows, window_last_mb);
	if (!report->is_summary)
		return;
	put_cells(lines, "mean", windows, window_mean);
	put_cells(lines, "most", windows, window_max);
}

static void put_cost(struct rate_lines *lines, const struct rate_report *report)
{
	struct rate_cost all = {0};
	double fault_ns = 0;
	char total[TEXT_BYTES];
	char longest[TEXT_BYTES];
	char faults[TEXT_BYTES];
	char time[TEXT_BYTES];

	for (size_t i = 0; i < report->nprocesses; i++) {
		const struct rate_cost *cost = &report->processes[i].cost;

		all.stopped_ns += cost->stopped_ns;
		all.longest_stop_ns =
			max_u64(all.longest_stop_ns, cost->longest_stop_ns);
		all.faults += cost->faults;
		fault_ns += (double)cost->faults * cost->fault_ns;
	}
	text_time(total, (double)all.stopped_ns);
	text_time(longest, (double)all.longest_stop_ns);
	text_count(faults, (double)all.faults, 12);
	text_time(time, fault_ns);
	if (lines->columns >= COST_ON_ONE) {
		rate_lines_put(
			lines, RATE_DIM,
			"cost    stood %s, longest %s; %s faults, some %s",
			total, longest, faults, time);
		return;
	}
	rate_lines_put(lines, RATE_DIM, "stood   %s, longest %s", total,
		       longest);
	rate_lines_put(lines, RATE_DIM, "faults  %s, some %s", faults, time);
}

/* What looking beside another tracker could not see. */
static void put_beside(struct rate_lines *lines,
		       const struct rate_report *report)
{
	struct rate_beside all = {0};
	char unseen[TEXT_BYTES];
	char untracked[TEXT_BYTES];

	if (!report->sum.pages.is_lower_bound)
		return;
	for (size_t i = 0; i < report->nprocesses; i++) {
		const struct rate_beside *beside = &report->processes[i].beside;

		all.rearms += beside->rearms;
		all.unseen_s += beside->unseen_s;
		all.untracked_pages += beside->untracked_pages;
	}
	text_time(unseen, all.unseen_s * 1e9);
	text_bytes(untracked, (double)all.untracked_pages * RATE_PAGE_BYTES);
	rate_lines_put(lines, RATE_WARM,
		       "beside  %ju re-arms, %s before them unseen; %s are not "
		       "tracked",
		       (uintmax_t)all.rearms, unseen, untracked);
}

static void put_processes(struct rate_lines *lines,
			  const struct rate_report *report)
{
	if (report->nprocesses < 2)
		return;
	rate_lines_put(lines, RATE_DIM, "%10s %8s %8s  %s", "PAGES/S", "MB/S",
		       "PID", "PROCESS");
	for (size_t i = 0; i < report->nprocesses; i++) {
		const struct rate_process *process = &report->processes[i];
		double ps = rate_pages_ps(&process->measure);
		char count[TEXT_BYTES];

		text_count(count, ps, 10);
		rate_lines_put(lines, RATE_PLAIN, "%10s %8.1f %8d  %s, %s%s",
			       count, megabytes(ps), (int)process->pid,
			       process->name, rate_method_name(process->method),
			       process->has_ended ? ", ended" : "");
	}
}

/* Writes that are not in the numbers above. */
static void put_unseen(struct rate_lines *lines,
		       const struct rate_report *report)
{
	char writers[RATE_UNSEEN_BYTES];

	rate_writers_text(report, writers);
	if (writers[0])
		rate_lines_put(lines, RATE_WARM, "unseen  %s", writers);
}

static int put_all(FILE *out, const struct rate_report *report,
		   const struct rate_screen *screen)
{
	struct rate_lines lines = {.out = out,
				   .columns = screen->columns,
				   .rows = screen->rows,
				   .has_colours = screen->has_colours};

	put_title(&lines, report);
	put_rate(&lines, report);
	put_windows(&lines, report);
	put_cost(&lines, report);
	put_beside(&lines, report);
	put_processes(&lines, report);
	put_unseen(&lines, report);
	return rate_rows_put(&lines, report);
}

int rate_screen(const struct rate_report *report,
		const struct rate_screen *screen, char **ret_text)
{
	struct rate_buffer buffer;
	int ret = rate_buffer_open(&buffer);

	if (ret)
		return ret;
	ret = put_all(buffer.out, report, screen);
	return rate_buffer_close(&buffer, ret, ret_text, NULL);
}
