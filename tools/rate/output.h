/* SPDX-License-Identifier: MIT */
/*
 * Reports on standard output: JSON, a screen that is redrawn, or plain lines.
 */
#ifndef TOOLS_RATE_OUTPUT_H
#define TOOLS_RATE_OUTPUT_H

#include <stdbool.h>

#include "rate/forecast.h"
#include "rate/report.h"

struct smudge_error;

enum rate_output_mode {
	RATE_OUTPUT_JSON,
	RATE_OUTPUT_SCREEN,
	RATE_OUTPUT_LINES,
};

struct rate_output {
	enum rate_output_mode mode;
	bool has_colours;
	bool is_open;	   /* the terminal shows its other screen */
	size_t nannounced; /* processes that the lines have named */
	char *warning;	   /* the last one, owned; or NULL */
};

/*
 * rate_output_start - choose how
 *
 * A terminal whose TERM is not "dumb" gets a screen, with colours unless
 * NO_COLOR is set; its changes of size are noted from now on.
 */
void rate_output_start(struct rate_output *output, bool is_json);

/* The calls below return 0, or -errno with one sentence: lost output. */
int rate_output_interval(struct rate_output *output,
			 const struct rate_report *report,
			 struct smudge_error *err);

/* Draw the interval again if the terminal has another size now. */
int rate_output_resize(struct rate_output *output,
		       const struct rate_report *report,
		       struct smudge_error *err);

/* @forecast: shown below it; NULL: none. */
int rate_output_summary(struct rate_output *output,
			const struct rate_report *report,
			const struct rate_forecast *forecast,
			struct smudge_error *err);

/* The terminal shows what it showed before. */
void rate_output_end(struct rate_output *output);

#endif
