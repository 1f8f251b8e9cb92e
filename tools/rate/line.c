/* SPDX-License-Identifier: MIT */
/*
 * Plain lines.
 */
#include "rate/line.h"

#include <inttypes.h>
#include <stdlib.h>

#include "rate/buffer.h"
#include "text.h"

static void put_windows(FILE *out, const struct rate_window *windows)
{
	static const char *const names[RATE_INTERVAL] = {"0.1 s", "0.5 s",
							 "1 s", "5 s"};

	for (int w = 0; w < RATE_INTERVAL; w++) {
		char count[TEXT_BYTES] = "-";

		if (windows[w].is_known)
			text_count(count, windows[w].last.pages, 12);
		fprintf(out, "%s %s: %s", w ? "," : "  unique", names[w],
			count);
	}
}

/* The mapping of any process that was written most, and whose it is. */
static const struct rate_mapping *hottest(const struct rate_report *report,
					  const struct rate_mappings **ret_all)
{
	const struct rate_mapping *found = NULL;

	for (size_t i = 0; i < report->nprocesses; i++) {
		const struct rate_mappings *all =
			&report->processes[i].mappings;

		for (size_t m = 0; m < all->n; m++) {
			if (all->list[m].pages <= (found ? found->pages : 0))
				continue;
			found = &all->list[m];
			*ret_all = all;
		}
	}
	return found;
}

static void put_hottest(FILE *out, const struct rate_report *report)
{
	const struct rate_mappings *all = NULL;
	const struct rate_mapping *hot = hottest(report, &all);

	if (!hot)
		return;
	fprintf(out, "  hot: %s", hot->name);
	if (rate_mappings_has_alike(all, hot))
		fprintf(out, " %" PRIx64, hot->address);
	fprintf(out, " %.0f %%", hot->pages / report->sum.pages.pages * 100);
}

static int put_line(FILE *out, const struct rate_report *report)
{
	const struct rate_measure *sum = &report->sum;
	double ps = rate_pages_ps(sum);
	double error = (sum->pages.high_pages - sum->pages.low_pages) / 2;
	char count[TEXT_BYTES];

	text_count(count, ps, 12);
	fprintf(out, "%.1f s  %s%s pages/s", report->elapsed_s,
		sum->pages.is_lower_bound ? "at least " : "", count);
	if (error > 0 && sum->seconds > 0 && !sum->pages.is_lower_bound) {
		text_count(count, error / sum->seconds, 12);
		fprintf(out, " +- %s", count);
	}
	fprintf(out, "  %.1f MB/s", ps * RATE_PAGE_BYTES / 1e6);
	put_windows(out, sum->windows);
	put_hottest(out, report);
	return 0;
}

int rate_line(const struct rate_report *report, char **ret_text)
{
	struct rate_buffer buffer;
	int ret = rate_buffer_open(&buffer);

	if (ret)
		return ret;
	ret = put_line(buffer.out, report);
	return rate_buffer_close(&buffer, ret, ret_text, NULL);
}

int rate_heading(const struct rate_report *report, char **ret_text)
{
	struct rate_buffer buffer;
	int ret = rate_buffer_open(&buffer);

	if (ret)
		return ret;
	for (size_t i = 0; i < report->nprocesses; i++) {
		const struct rate_process *process = &report->processes[i];

		fprintf(buffer.out, "process %d, %s: method %s, %s%s%s\n",
			(int)process->pid, process->name,
			rate_method_name(process->method),
			rate_method_error(process->method),
			process->reason[0] ? "; " : "", process->reason);
	}
	return rate_buffer_close(&buffer, 0, ret_text, NULL);
}

int rate_warning(const struct rate_report *report, char **ret_text)
{
	char writers[RATE_UNSEEN_BYTES];
	struct rate_buffer buffer;
	int ret = rate_buffer_open(&buffer);

	if (ret)
		return ret;
	rate_writers_text(report, writers);
	if (writers[0])
		fprintf(buffer.out, "warning: may write unseen: %s\n", writers);
	return rate_buffer_close(&buffer, 0, ret_text, NULL);
}
