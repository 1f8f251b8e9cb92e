/* SPDX-License-Identifier: MIT */
/*
 * Reports fit terminals of all sizes, whatever the processes' names are; and
 * what they say is in all of their forms.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rate/json.h"
#include "rate/line.h"
#include "rate/screen.h"

static void add_mapping(struct rate_process *process, uint64_t address,
			const char *name, double pages)
{
	struct rate_mapping mapping = {
		.address = address, .size_bytes = 1 << 20, .pages = pages};

	rate_name_copy(mapping.name, name);
	assert_int_equal(rate_mappings_add(&process->mappings, &mapping), 0);
}

/* An interval of one second. */
static void fill(struct rate_report *report, int nprocesses, double pages)
{
	struct rate_value value = {pages, pages * 0.9, pages * 1.1, false};
	struct rate_value sum = {0};

	*report = (struct rate_report){.number = 7, .elapsed_s = 7.003};
	for (int i = 0; i < nprocesses; i++) {
		struct rate_process *process =
			rate_report_process(report, 4000000 + i);

		assert_non_null(process);
		rate_name_copy(process->name, "n\xc3\xa4me\x1b[2J");
		process->method = RATE_SAMPLE;
		add_mapping(process, 0x1000, "[heap]", pages * 0.75);
		add_mapping(process, 0x200000, "/a/long/path/of/a/library.so",
			    pages * 0.25);
		add_mapping(process, 0x400000, "cold one", 0);
		for (int w = 0; w < RATE_WINDOW_FIVE; w++)
			rate_window_add(&process->measure.windows[w], &value,
					0.1);
		rate_measure_end(&process->measure, &value, 1);
		rate_value_add(&sum, &value);
	}
	for (int w = 0; w < RATE_WINDOW_FIVE; w++)
		rate_window_add(&report->sum.windows[w], &sum, 0.1);
	rate_measure_end(&report->sum, &sum, 1);
}

static void check_lines(const char *text, unsigned int columns,
			unsigned int rows)
{
	unsigned int n = 0;

	for (const char *line = text; *line; n++) {
		size_t len = strcspn(line, "\n");

		if (len > columns)
			fail_msg("%zu columns, not %u: %.*s", len, columns,
				 (int)len, line);
		for (size_t i = 0; i < len; i++)
			assert_true(line[i] >= ' ' && line[i] <= '~');
		assert_int_equal(line[len], '\n');
		line += len + 1;
	}
	assert_true(n > 0 && n <= rows);
}

static void fits(void **state)
{
	for (int nprocesses = 1; nprocesses <= 3; nprocesses += 2) {
		for (double pages = 0; pages < 1e14; pages = pages * 97 + 1) {
			struct rate_report report;

			fill(&report, nprocesses, pages);
			report.is_summary = pages > 1e6;
			for (unsigned int columns = 9; columns <= 200;
			     columns++) {
				struct rate_screen screen = {
					columns, 1 + columns % 40, false};
				char *text = NULL;

				assert_int_equal(
					rate_screen(&report, &screen, &text),
					0);
				check_lines(text, columns, screen.rows);
				free(text);
			}
			rate_report_free(&report);
		}
	}
}

/* A number whose end is missing must not look like another one. */
static void what_is_cut_is_marked(void **state)
{
	static const char whole[] = "5,000 pages/s  20.5 MB/s  +- 500 pages/s";
	struct rate_report report;

	fill(&report, 1, 5000);
	for (unsigned int columns = 9; columns <= 60; columns++) {
		struct rate_screen screen = {columns, 30, false};
		char *text = NULL;
		char *line;

		assert_int_equal(rate_screen(&report, &screen, &text), 0);
		line = strchr(text, '\n') + 1;
		line[strcspn(line, "\n")] = '\0';
		if (columns >= strlen(whole)) {
			assert_string_equal(line, whole);
		} else {
			assert_int_equal(strlen(line), columns);
			assert_memory_equal(line, whole, columns - 1);
			assert_int_equal(line[columns - 1], '>');
		}
		free(text);
	}
	rate_report_free(&report);
}

/* With colours: the same text, and each line ends in its first style. */
static void colours_take_no_column(void **state)
{
	struct rate_report report;
	struct rate_screen screen = {80, 30, false};
	char *plain = NULL;
	char *coloured = NULL;
	size_t len = 0;

	fill(&report, 2, 5000);
	assert_int_equal(rate_screen(&report, &screen, &plain), 0);
	screen.has_colours = true;
	assert_int_equal(rate_screen(&report, &screen, &coloured), 0);
	assert_non_null(strstr(coloured, "\x1b["));
	for (const char *c = coloured; *c; c++) {
		if (*c == '\x1b')
			c = strchr(c, 'm');
		else
			coloured[len++] = *c;
	}
	coloured[len] = '\0';
	assert_string_equal(coloured, plain);
	free(plain);
	free(coloured);
	rate_report_free(&report);
}

static void check_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

static void says_what_was_measured(void **state)
{
	struct rate_report report;
	struct rate_screen screen = {100, 30, false};
	char *text = NULL;

	fill(&report, 1, 5000);
	assert_int_equal(rate_screen(&report, &screen, &text), 0);
	check_has(text, "0:07  4000000 n?me?[2J  sample");
	check_has(text, "5,000 pages/s  20.5 MB/s  +- 500 pages/s");
	check_has(text, "3,750     15.4  75 %  1.0 MiB  [heap]");
	check_has(text, "cold: 1 mapping, 1.0 MiB, not written");
	free(text);
	assert_int_equal(rate_line(&report, &text), 0);
	assert_string_equal(text,
			    "7.0 s  5,000 pages/s +- 500  20.5 MB/s  unique "
			    "0.1 s: 5,000, 0.5 s: 5,000, 1 s: 5,000, 5 s: -  "
			    "hot: [heap] 75 %");
	free(text);
	assert_int_equal(rate_heading(&report, &text), 0);
	check_has(text, "process 4000000, ");
	check_has(text, "95 % confidence");
	free(text);
	rate_report_free(&report);
}

/* Of two mappings with one name each row has its address, if it fits. */
static void alike_are_told_apart(void **state)
{
	struct rate_report report;
	struct rate_screen screen = {100, 40, false};
	char *text = NULL;

	fill(&report, 1, 5000);
	add_mapping(&report.processes[0], 0x7f12a4000000, "[anon]", 9000);
	add_mapping(&report.processes[0], 0x7f12b4000000, "[anon]", 8000);
	assert_int_equal(rate_screen(&report, &screen, &text), 0);
	check_has(text, "1.0 MiB  [anon] 7f12a4000000 ");
	check_has(text, "1.0 MiB  [anon] 7f12b4000000 ");
	check_has(text, "1.0 MiB  [heap] ");
	free(text);
	screen.columns = 37;
	assert_int_equal(rate_screen(&report, &screen, &text), 0);
	check_has(text, " [anon] 7f12a4000000\n");
	free(text);
	screen.columns = 30;
	assert_int_equal(rate_screen(&report, &screen, &text), 0);
	check_has(text, " 7f12a4000000\n");
	check_has(text, " 7f12b4000000\n");
	free(text);
	assert_int_equal(rate_line(&report, &text), 0);
	check_has(text, "hot: [anon] 7f12a4000000 180 %");
	free(text);
	rate_report_free(&report);
}

static void add_writer(struct rate_process *process,
		       enum smudge_process_writer_kind kind, pid_t pid,
		       const char *name, uint64_t bytes)
{
	struct rate_writers one = {.n = 1};

	one.list[0] = (struct rate_writer){
		.kind = kind, .pid = pid, .count = 2, .bytes = bytes};
	rate_name_copy(one.list[0].name, name);
	rate_writers_merge(&process->writers, &one);
}

/* What is not counted is named, unless it is measured itself. */
static void says_who_writes_unseen(void **state)
{
	static const char expected[] =
		"b?ck end (17) to 2.0 MiB, /dev/vfio/3, io_uring (several), "
		"2 processes whose mappings may not be read";
	struct rate_screen screen = {150, 40, false};
	struct rate_report report;
	struct rate_process *first;
	char *text = NULL;

	fill(&report, 2, 5000);
	assert_int_equal(rate_warning(&report, &text), 0);
	assert_string_equal(text, "");
	free(text);
	first = &report.processes[0];
	for (int i = 0; i < 2; i++) {
		add_writer(first, SMUDGE_PROCESS_WRITER_PROCESS, 17,
			   "b\nck end", 2 << 20);
		add_writer(first, SMUDGE_PROCESS_WRITER_PROCESS, 4000001,
			   "sibling", 2 << 20);
		add_writer(first, SMUDGE_PROCESS_WRITER_DEVICE, 4000000,
			   "/dev/vfio/3", 0);
		add_writer(first, SMUDGE_PROCESS_WRITER_IO_URING, 4000000,
			   "anon_inode:[io_uring]", 0);
	}
	first->writers.nunreadable = 2;
	assert_int_equal(rate_warning(&report, &text), 0);
	check_has(text, "warning: may write unseen: b?ck end (17)");
	check_has(text, expected);
	assert_null(strstr(text, "sibling"));
	free(text);
	assert_int_equal(rate_screen(&report, &screen, &text), 0);
	check_has(text, expected);
	check_lines(text, 150, 40);
	free(text);
	rate_report_free(&report);
}

/* Those that have no place are counted, and not again at the next look. */
static void many_writers(void **state)
{
	struct rate_report report;
	struct rate_writers now = {.n = RATE_MAX_WRITERS, .nmore = 2};
	struct rate_writers *all;
	char text[RATE_UNSEEN_BYTES];

	fill(&report, 1, 5000);
	all = &report.processes[0].writers;
	for (int look = 0; look < 4; look++) {
		for (int i = 0; i < RATE_MAX_WRITERS; i++) {
			now.list[i] = (struct rate_writer){
				.pid = 1 + i + (look > 0 ? 3 : 0),
				.bytes = 1 << 20};
			rate_name_copy(now.list[i].name,
				       "a name that is longer than most are");
		}
		rate_writers_merge(all, &now);
	}
	assert_int_equal(all->n, RATE_MAX_WRITERS);
	assert_int_equal(all->nmore, 5);
	rate_writers_text(&report, text);
	assert_true(strlen(text) < sizeof(text));
	check_has(text, "most are (8) to 1.0 MiB");
	rate_report_free(&report);
}

static double number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	assert_true(json_is_number(value));
	return json_number_value(value);
}

static void json_has_the_same(void **state)
{
	struct rate_report report;
	const json_t *process;
	const json_t *measured;
	const json_t *windows;
	json_t *json;

	fill(&report, 2, 5000);
	json = rate_json(&report);
	assert_non_null(json);
	process = json_array_get(json_object_get(json, "processes"), 1);
	assert_true(number(process, "pid") == 4000001);
	measured = json_object_get(process, "measured");
	assert_true(number(measured, "pages") == 5000 &&
		    number(measured, "low-pages") == 4500 &&
		    number(measured, "pages-per-s") == 5000 &&
		    number(measured, "bytes-per-s") == 5000 * 4096);
	windows = json_object_get(measured, "windows");
	assert_true(number(json_array_get(windows, 0), "count") == 1);
	assert_true(json_is_null(
		json_object_get(json_array_get(windows, 3), "last-pages")));
	assert_int_equal(json_array_size(json_object_get(process, "mappings")),
			 2);
	assert_true(number(json_object_get(process, "cold"), "mappings") == 1);
	assert_true(number(json_object_get(json, "sum"), "pages") == 10000);
	json_decref(json);
	rate_report_free(&report);
}

/* Two intervals are one summary: pages and seconds add up, maxima do not. */
static void summary_adds_up(void **state)
{
	struct rate_report summary = {0};
	struct rate_report one;
	struct rate_report two;

	fill(&one, 1, 1000);
	fill(&two, 1, 3000);
	assert_int_equal(rate_report_add(&summary, &one), 0);
	assert_int_equal(rate_report_add(&summary, &two), 0);
	assert_true(summary.is_summary && summary.number == 2);
	assert_int_equal(summary.nprocesses, 1);
	assert_true(summary.sum.pages.pages == 4000 &&
		    summary.sum.seconds == 2 &&
		    summary.sum.max_pages_ps == 3000);
	assert_true(summary.processes[0].measure.windows[0].n == 2 &&
		    summary.processes[0].measure.windows[0].max_pages == 3000 &&
		    summary.processes[0].mappings.list[0].pages == 3000);
	rate_measure_begin(&two.sum);
	assert_true(two.sum.pages.pages == 0 && two.sum.windows[0].n == 0 &&
		    two.sum.windows[0].is_known &&
		    two.sum.windows[0].last.pages == 3000);
	rate_report_free(&one);
	rate_report_free(&two);
	rate_report_free(&summary);
}

TEST_MAIN(fits, what_is_cut_is_marked, colours_take_no_column,
	  says_what_was_measured, alike_are_told_apart, says_who_writes_unseen,
	  many_writers, json_has_the_same, summary_adds_up)
