/* SPDX-License-Identifier: MIT */
/*
 * A forecast of this guest's migration, from its last measured dirty rate and
 * the limits of migrate-set-parameters, unless the command has others.
 */
#include "control/commands.h"

#include "migration/migration.h"
#include "rate/rate.h"

#include <smudge/forecast.h>

#include <stdlib.h>

#define MS_PER_NS 1e-6

static const char *outcome_name(enum smudge_forecast_outcome outcome)
{
	switch (outcome) {
	case SMUDGE_FORECAST_CONVERGES:
		return "converges";
	case SMUDGE_FORECAST_LONG_DOWNTIME:
		return "long-downtime";
	case SMUDGE_FORECAST_GIVES_UP:
		break;
	}
	return "gives-up";
}

static int compare(const void *a, const void *b)
{
	uint64_t x = ((const struct smudge_working_set *)a)->window_ns;
	uint64_t y = ((const struct smudge_working_set *)b)->window_ns;

	return (x > y) - (x < y);
}

/* The mean of each window that was measured, in ascending order of length. */
static size_t working_set(const struct rate_report *report,
			  struct smudge_working_set *set)
{
	size_t n = 0;
	size_t nkept = 0;

	for (size_t i = 0; i < report->nwindows; i++) {
		const struct rate_window *window = &report->windows[i];

		if (!window->nmeasured)
			continue;
		set[n].window_ns = window->ns / window->nmeasured;
		set[n++].pages = window->pages / window->nmeasured;
	}
	qsort(set, n, sizeof(*set), compare);
	for (size_t i = 0; i < n; i++)
		if (!nkept || set[i].window_ns != set[nkept - 1].window_ns)
			set[nkept++] = set[i];
	return nkept;
}

static void add(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name,
			    json_integer(value > INT64_MAX
						 ? INT64_MAX
						 : (json_int_t)value));
}

static json_t *answer(const struct smudge_forecast *forecast)
{
	json_t *reply = json_pack(
		"{s:s, s:f, s:f}", "outcome", outcome_name(forecast->outcome),
		"total-time", (double)forecast->total_ns * MS_PER_NS,
		"downtime", (double)forecast->downtime_ns * MS_PER_NS);

	add(reply, "rounds", forecast->rounds);
	add(reply, "transferred", forecast->sent_bytes);
	add(reply, "remaining-pages", forecast->remaining_pages);
	add(reply, "dirty-bytes-ps", forecast->dirty_bytes_ps);
	add(reply, "bandwidth-bytes-ps", forecast->bandwidth_bytes_ps);
	return reply;
}

json_t *control_forecast(struct control_target *target, const json_t *arguments,
			 struct qmp_error *err)
{
	struct smudge_working_set set[RATE_MAX_WINDOWS];
	struct smudge_migrate_limits limits =
		migration_limits(target->migration);
	struct smudge_forecast_options options = {
		.size = sizeof(options), .limits = &limits, .working_set = set};
	struct smudge_forecast forecast = {.size = sizeof(forecast)};
	struct smudge_error why = {0};
	struct rate_report report;
	json_int_t line = 0;

	if (!control_get_limits(arguments, &limits, err) ||
	    !control_get_number(arguments, "line-bandwidth", INT64_MAX, &line,
				err))
		return NULL;
	rate_report(target->rate, &report);
	if (report.status != RATE_MEASURED)
		return qmp_error_set(err, QMP_CLASS_GENERIC,
				     "a forecast needs the dirty rate: first "
				     "calc-dirty-rate, best with "
				     "x-smudge-windows");
	options.line_bandwidth_bytes_ps = (uint64_t)line;
	options.total_pages = report.total_pages;
	options.content_pages = report.content_pages;
	options.nworking_set = working_set(&report, set);
	if (smudge_migrate_forecast(&options, &forecast, &why) < 0)
		return qmp_error_set(err, QMP_CLASS_GENERIC, "%s", why.message);
	return answer(&forecast);
}
