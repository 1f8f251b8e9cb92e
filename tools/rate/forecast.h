/* SPDX-License-Identifier: MIT */
/*
 * What a live migration of the measured memory would be like, from the working
 * set of a summary.
 */
#ifndef TOOLS_RATE_FORECAST_H
#define TOOLS_RATE_FORECAST_H

#include <jansson.h>

#include <smudge/forecast.h>

#include "rate/report.h"

struct rate_forecast_options {
	uint64_t bandwidth_bytes_ps; /* of all rounds but the last; 0: none */
	uint64_t line_bytes_ps;	     /* of the last one; 0: the same */
	uint64_t downtime_ms;
};

struct rate_forecast {
	struct rate_forecast_options options;
	uint64_t total_pages;
	uint64_t content_pages; /* present, or total_pages if that is unknown */
	struct smudge_forecast answer;
	/* If it does not converge, what would be enough; 0: nothing is. */
	uint64_t enough_bytes_ps;
	uint64_t enough_downtime_ms;
};

/*
 * rate_forecast_count - the memory that the mappings of a summary have
 *
 * Reads which pages of the processes are present.
 */
void rate_forecast_count(const struct rate_report *summary,
			 struct rate_forecast *forecast);

/*
 * rate_forecast - make the forecast
 * @forecast: with its options and pages; receives the answer
 *
 * Return: 0, or -errno with one sentence: -ENODATA (no window has ended, or
 * there is no memory).
 */
int rate_forecast(const struct rate_report *summary,
		  struct rate_forecast *forecast, struct smudge_error *err);

/*
 * rate_forecast_text - lines for a person, each ended by a newline
 * @ret_text: freed by the caller
 * Return: 0 or -ENOMEM.
 */
int rate_forecast_text(const struct rate_forecast *forecast, char **ret_text);

/* Return: a new reference, or NULL: no memory. */
json_t *rate_forecast_json(const struct rate_forecast *forecast);

#endif
