/* SPDX-License-Identifier: MIT */
/*
 * A measurement, from its first tick to its summary.
 */
#ifndef TOOLS_RATE_SESSION_H
#define TOOLS_RATE_SESSION_H

#include "rate/forecast.h"
#include "rate/members.h"

struct rate_session_options {
	struct rate_request request;
	uint64_t interval_ticks;
	uint64_t intervals;	 /* after which it ends; 0: no limit */
	uint64_t duration_ticks; /* the same, of time */
	bool is_json;
	const char *svg;		       /* a file, or NULL */
	struct rate_forecast_options forecast; /* no bandwidth: none is made */
};

/*
 * rate_session - measure, show each interval, and the summary
 *
 * It ends after the intervals or the time, by a signal (clock.h), or when all
 * processes have ended. Each process is let go before the summary is shown.
 * Return: 0 if an interval ended, or -errno with one sentence. After a failure
 * the summary of what was measured until then is shown, too.
 */
int rate_session(const struct rate_session_options *options,
		 struct smudge_error *err);

#endif
