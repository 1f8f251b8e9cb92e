/* SPDX-License-Identifier: MIT */
/*
 * Reports as JSON.
 */
#include "rate/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const double lengths_s[RATE_INTERVAL] = {0.1, 0.5, 1, 5};

/* Numbers of pages are whole where they were counted. */
static json_t *number(double value)
{
	return value == floor(value) && fabs(value) < 1e15
		       ? json_integer((json_int_t)value)
		       : json_real(value);
}

static json_t *json_of_window(const struct rate_window *window, double length_s)
{
	double n = window->n ? (double)window->n : 1;

	if (!window->is_known)
		return json_pack("{s:f, s:i, s:n, s:n, s:n, s:n}", "window-s",
				 length_s, "count", 0, "last-pages",
				 "mean-pages", "max-pages", "mean-s");
	if (!window->n)
		return json_pack("{s:f, s:i, s:o, s:n, s:n, s:n}", "window-s",
				 length_s, "count", 0, "last-pages",
				 number(window->last.pages), "mean-pages",
				 "max-pages", "mean-s");
	return json_pack(
		"{s:f, s:I, s:o, s:o, s:o, s:f}", "window-s", length_s, "count",
		(json_int_t)window->n, "last-pages", number(window->last.pages),
		"mean-pages", number(window->pages / n), "max-pages",
		number(window->max_pages), "mean-s", window->seconds / n);
}

static json_t *json_of_windows(const struct rate_window *windows)
{
	json_t *array = json_array();

	for (int w = 0; w < RATE_INTERVAL; w++)
		json_array_append_new(
			array, json_of_window(&windows[w], lengths_s[w]));
	return array;
}

static json_t *json_of_measure(const struct rate_measure *measure)
{
	double ps = rate_pages_ps(measure);

	return json_pack(
		"{s:I, s:f, s:o, s:o, s:o, s:b, s:f, s:f, s:f, s:o}",
		"intervals", (json_int_t)measure->intervals, "seconds",
		measure->seconds, "pages", number(measure->pages.pages),
		"low-pages", number(measure->pages.low_pages), "high-pages",
		number(measure->pages.high_pages), "is-lower-bound",
		measure->pages.is_lower_bound, "pages-per-s", ps, "bytes-per-s",
		ps * RATE_PAGE_BYTES, "max-pages-per-s", measure->max_pages_ps,
		"windows", json_of_windows(measure->windows));
}

static json_t *json_of_cost(const struct rate_cost *cost)
{
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:f}", "stops", (json_int_t)cost->stops,
		"stopped-ns", (json_int_t)cost->stopped_ns, "longest-stop-ns",
		(json_int_t)cost->longest_stop_ns, "faults",
		(json_int_t)cost->faults, "estimated-fault-ns", cost->fault_ns);
}

static json_t *json_of_mapping(const struct rate_process *process,
			       const struct rate_mapping *mapping)
{
	double all = process->measure.pages.pages;
	char address[24];

	snprintf(address, sizeof(address), "0x%" PRIx64, mapping->address);
	return json_pack("{s:s, s:I, s:s, s:o, s:f}", "address", address,
			 "bytes", (json_int_t)mapping->size_bytes, "name",
			 mapping->name, "pages", number(mapping->pages),
			 "share", all > 0 ? fmin(mapping->pages / all, 1) : 0);
}

/* Those that were written, hottest first, and the others in one number. */
static int add_mappings(json_t *object, const struct rate_process *process)
{
	const struct rate_mapping **hot = NULL;
	json_t *array = json_array();
	uint64_t bytes;
	size_t ncold = rate_mappings_cold(&process->mappings, &bytes);
	int n = rate_mappings_hot(&process->mappings, &hot);
	int ret = n < 0 ? n : 0;

	for (int i = 0; i < n && !ret; i++)
		ret = json_array_append_new(array,
					    json_of_mapping(process, hot[i]));
	free((void *)hot);
	if (json_object_set_new(object, "mappings", array))
		ret = -1;
	if (json_object_set_new(object, "cold",
				json_pack("{s:I, s:I}", "mappings",
					  (json_int_t)ncold, "bytes",
					  (json_int_t)bytes)))
		ret = -1;
	return ret;
}

static json_t *json_of_writer(const struct rate_writer *writer)
{
	char address[24];

	if (!writer->bytes)
		return json_pack("{s:s, s:i, s:s, s:I, s:n, s:n}", "kind",
				 rate_writer_kind(writer), "pid",
				 (int)writer->pid, "name", writer->name,
				 "count", (json_int_t)writer->count, "address",
				 "bytes");
	snprintf(address, sizeof(address), "0x%" PRIx64, writer->address);
	return json_pack("{s:s, s:i, s:s, s:I, s:s, s:I}", "kind",
			 rate_writer_kind(writer), "pid", (int)writer->pid,
			 "name", writer->name, "count",
			 (json_int_t)writer->count, "address", address, "bytes",
			 (json_int_t)writer->bytes);
}

static json_t *json_of_writers(const struct rate_writers *writers)
{
	json_t *array = json_array();

	for (size_t i = 0; i < writers->n; i++)
		json_array_append_new(array, json_of_writer(&writers->list[i]));
	return json_pack("{s:o, s:I, s:I, s:s}", "writers", array, "more",
			 (json_int_t)writers->nmore, "unreadable-processes",
			 (json_int_t)writers->nunreadable, "failure",
			 writers->failure);
}

/* What looking beside another tracker could not see, or null. */
static json_t *json_of_beside(const struct rate_process *process)
{
	if (process->method != RATE_BESIDE)
		return json_null();
	return json_pack("{s:I, s:f, s:I}", "re-arms",
			 (json_int_t)process->beside.rearms, "unseen-s",
			 process->beside.unseen_s, "untracked-pages",
			 (json_int_t)process->beside.untracked_pages);
}

static json_t *json_of_process(const struct rate_process *process)
{
	json_t *object = json_pack(
		"{s:i, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:o, s:o, s:o, "
		"s:o}",
		"pid", (int)process->pid, "name", process->name, "method",
		rate_method_name(process->method), "error",
		rate_method_error(process->method), "reason", process->reason,
		"ended", process->has_ended, "execs",
		(json_int_t)process->execs, "samples",
		(json_int_t)process->samples, "tracked-pages",
		(json_int_t)process->tracked_pages, "measured",
		json_of_measure(&process->measure), "cost",
		json_of_cost(&process->cost), "unseen",
		json_of_writers(&process->writers), "beside",
		json_of_beside(process));

	if (object && add_mappings(object, process)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

json_t *rate_json(const struct rate_report *report)
{
	json_t *processes = json_array();

	for (size_t i = 0; i < report->nprocesses; i++) {
		if (json_array_append_new(
			    processes,
			    json_of_process(&report->processes[i]))) {
			json_decref(processes);
			return NULL;
		}
	}
	return json_pack("{s:s, s:I, s:f, s:I, s:o, s:o}", "type",
			 report->is_summary ? "summary" : "interval", "number",
			 (json_int_t)report->number, "elapsed-s",
			 report->elapsed_s, "page-bytes",
			 (json_int_t)RATE_PAGE_BYTES, "processes", processes,
			 "sum", json_of_measure(&report->sum));
}
