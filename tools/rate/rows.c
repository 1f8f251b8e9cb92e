/* SPDX-License-Identifier: MIT */
/*
 * The table of mappings.
 */
#include "rate/rows.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"
#include "text.h"

#define MIN_NAME      10
#define MIN_TAIL      4
#define ADDRESS_BYTES 20
#define LABEL_BYTES   (RATE_NAME_BYTES + ADDRESS_BYTES)
#define NAME_BYTES    (LABEL_BYTES + 16) /* with a process's number */
#define WITH_SIZES    60		 /* from so many columns on */
#define BAR_FROM      100
#define BAR_BYTES     24

/* A mapping, and whose it is. */
struct row {
	const struct rate_process *process;
	const struct rate_mapping *mapping;
};

static int by_heat(const void *a, const void *b)
{
	const struct rate_mapping *one = ((const struct row *)a)->mapping;
	const struct rate_mapping *two = ((const struct row *)b)->mapping;

	if (one->pages != two->pages)
		return one->pages > two->pages ? -1 : 1;
	return one->address < two->address ? -1 : one->address > two->address;
}

/* All mappings that were written, the hottest first. */
static int collect(const struct rate_report *report, struct row **ret_rows)
{
	size_t n = 0;
	struct row *rows;

	for (size_t i = 0; i < report->nprocesses; i++)
		n += report->processes[i].mappings.n;
	rows = calloc(n + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < report->nprocesses; i++) {
		const struct rate_process *process = &report->processes[i];

		for (size_t m = 0; m < process->mappings.n; m++) {
			if (process->mappings.list[m].pages > 0)
				rows[n++] = (struct row){
					process, &process->mappings.list[m]};
		}
	}
	qsort(rows, n, sizeof(*rows), by_heat);
	*ret_rows = rows;
	return (int)n;
}

/* Columns for the name, and the bar behind it. */
static size_t name_width(const struct rate_lines *lines)
{
	unsigned int before = lines->columns < WITH_SIZES ? 18 : 38;
	unsigned int behind = lines->columns < BAR_FROM ? 0 : BAR_BYTES + 1;

	return max_u64(lines->columns > before + behind
			       ? lines->columns - before - behind
			       : 0,
		       MIN_NAME);
}

static enum rate_style style_of(double share)
{
	if (share >= 0.5)
		return RATE_HOT;
	return share >= 0.1 ? RATE_WARM : RATE_PLAIN;
}

/* Mappings of one name are told apart by their addresses. */
static void set_label(const struct row *row, char label[LABEL_BYTES],
		      size_t width)
{
	char address[ADDRESS_BYTES] = "";
	size_t len;

	if (rate_mappings_has_alike(&row->process->mappings, row->mapping))
		snprintf(address, sizeof(address), "%" PRIx64,
			 row->mapping->address);
	len = strlen(address);
	if (width < len + 1 + MIN_TAIL) {
		rate_name_tail(label, len ? address : row->mapping->name,
			       width);
		return;
	}
	rate_name_tail(label, row->mapping->name,
		       len ? width - len - 1 : width);
	if (len)
		sprintf(label + strlen(label), " %s", address);
}

static void set_name(const struct rate_lines *lines,
		     const struct rate_report *report, const struct row *row,
		     char name[NAME_BYTES])
{
	size_t width = name_width(lines);
	size_t len = 0;

	if (report->nprocesses > 1)
		len = (size_t)sprintf(name, "%d ", (int)row->process->pid);
	set_label(row, name + len,
		  width > len + MIN_NAME ? width - len : MIN_NAME);
}

/* For printf, which counts bytes where columns are characters. */
static int padded(const struct rate_lines *lines, const char *name)
{
	return (int)(name_width(lines) + strlen(name) -
		     rate_name_characters(name));
}

static void put_row(struct rate_lines *lines, const struct rate_report *report,
		    const struct row *row)
{
	double seconds = row->process->measure.seconds;
	double all = report->sum.pages.pages;
	double ps = seconds > 0 ? row->mapping->pages / seconds : 0;
	double share = all > 0 ? row->mapping->pages / all : 0;
	char count[TEXT_BYTES];
	char size[TEXT_BYTES];
	char name[NAME_BYTES];
	char bar[BAR_BYTES + 1] = "";

	text_count(count, ps, 10);
	text_bytes(size, (double)row->mapping->size_bytes);
	set_name(lines, report, row, name);
	if (lines->columns >= BAR_FROM)
		memset(bar, '#', (size_t)(fmin(share, 1) * BAR_BYTES + 0.5));
	if (lines->columns < WITH_SIZES)
		rate_lines_put(lines, style_of(share), "%10s %3.0f %% %s",
			       count, share * 100, name);
	else
		rate_lines_put(lines, style_of(share),
			       "%10s %8.1f %3.0f %% %8s  %-*s %s", count,
			       ps * RATE_PAGE_BYTES / 1e6, share * 100, size,
			       bar[0] ? padded(lines, name) : 0, name, bar);
}

static void put_cold(struct rate_lines *lines, const struct rate_report *report)
{
	uint64_t bytes = 0;
	size_t n = 0;
	char size[TEXT_BYTES];

	for (size_t i = 0; i < report->nprocesses; i++) {
		uint64_t some;

		n += rate_mappings_cold(&report->processes[i].mappings, &some);
		bytes += some;
	}
	text_bytes(size, (double)bytes);
	rate_lines_put(lines, RATE_DIM, "cold: %zu mapping%s, %s, not written",
		       n, n == 1 ? "" : "s", size);
}

int rate_rows_put(struct rate_lines *lines, const struct rate_report *report)
{
	struct row *rows = NULL;
	int n = collect(report, &rows);

	if (n < 0)
		return n;
	if (lines->columns < WITH_SIZES)
		rate_lines_put(lines, RATE_DIM, "%10s %5s %s", "PAGES/S",
			       "SHARE", "MAPPING");
	else
		rate_lines_put(lines, RATE_DIM, "%10s %8s %5s %8s  %s",
			       "PAGES/S", "MB/S", "SHARE", "SIZE", "MAPPING");
	for (int i = 0; i < n && lines->rows > 1; i++)
		put_row(lines, report, &rows[i]);
	put_cold(lines, report);
	free(rows);
	return 0;
}
