/* SPDX-License-Identifier: MIT */
/*
 * The line: per cent, time, bytes, rate.
 */
#include "work.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "common/streams.h"
#include "parts.h"
#include "text.h"

#define LINE_MS	     1000
#define REDRAW_MS    100
#define MIN_TIME_S   1.0 /* before this an estimate means nothing */
#define CLEAR_TO_END "\x1b[K"

void work_begin(struct work *work, const char *what, bool is_quiet)
{
	int64_t now_ms = clock_now_ms();

	*work = (struct work){
		.what = what,
		.is_quiet = is_quiet,
		.is_terminal = parts_can_redraw(STDOUT_FILENO),
		.began_ms = now_ms,
		.shown_ms = now_ms,
	};
}

void work_rename(struct work *work, const char *what)
{
	if (strcmp(work->what, what) == 0)
		return;
	work->what = what;
	work->began_ms = clock_now_ms();
}

static void add_time(struct parts *parts, double seconds, double part)
{
	char elapsed[TEXT_BYTES], whole[TEXT_BYTES];

	text_clock(elapsed, seconds);
	text_clock(whole, part > 0 ? seconds / part : 0);
	if (part > 0 && seconds >= MIN_TIME_S)
		parts_add(parts, "%s of ~%s", elapsed, whole);
	else
		parts_add(parts, "%s", elapsed);
}

static void format(const struct work *work, double done_bytes,
		   double total_bytes, char line[PARTS_BYTES])
{
	double seconds = (double)(clock_now_ms() - work->began_ms) / 1000;
	double part = total_bytes > 0 ? done_bytes / total_bytes : 1;
	struct parts parts = {.buf = line, .columns = PARTS_BYTES - 1};
	char done[TEXT_BYTES], total[TEXT_BYTES];

	/* the last column stays empty: in it some terminals wrap at once */
	if (work->is_terminal)
		parts.columns = parts_columns(STDOUT_FILENO) - 1;
	line[0] = '\0';
	text_bytes(done, done_bytes);
	text_bytes(total, total_bytes);
	parts_add(&parts, "%s %3.0f %%", work->what, 100 * part);
	add_time(&parts, seconds, part);
	parts_add(&parts, "%s of %s", done, total);
	if (seconds > 0)
		parts_add(&parts, "%.0f MB/s", done_bytes / seconds / 1e6);
}

static bool is_due(struct work *work)
{
	int64_t now_ms = clock_now_ms();

	if (work->is_quiet ||
	    now_ms - work->shown_ms < (work->is_terminal ? REDRAW_MS : LINE_MS))
		return false;
	work->shown_ms = now_ms;
	return true;
}

static void print(struct work *work, const char *line)
{
	if (work->is_terminal)
		printf("\r%s" CLEAR_TO_END, line);
	else
		puts(line);
	work->is_open = work->is_terminal;
	streams_flush();
}

void work_show(struct work *work, double done_bytes, double total_bytes)
{
	char line[PARTS_BYTES];

	if (!is_due(work))
		return;
	format(work, done_bytes, total_bytes, line);
	print(work, line);
}

void work_wait(struct work *work, const char *what)
{
	char line[PARTS_BYTES], elapsed[TEXT_BYTES];

	work_rename(work, what);
	if (!is_due(work))
		return;
	text_clock(elapsed, (double)(clock_now_ms() - work->began_ms) / 1000);
	snprintf(line, sizeof(line), "waiting for %s | %s", what, elapsed);
	print(work, line);
}

void work_end(struct work *work)
{
	if (work->is_open)
		fputs("\r" CLEAR_TO_END, stdout);
	work->is_open = false;
	streams_flush();
}
