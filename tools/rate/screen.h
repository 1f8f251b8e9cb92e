/* SPDX-License-Identifier: MIT */
/*
 * A report as lines that fit a terminal.
 */
#ifndef TOOLS_RATE_SCREEN_H
#define TOOLS_RATE_SCREEN_H

#include "rate/report.h"

struct rate_screen {
	unsigned int columns; /* no line is longer */
	unsigned int rows;    /* no more lines; the last ones are left out */
	bool has_colours;     /* escape codes that take no column */
};

/*
 * rate_screen - the lines of a report, each ended by a newline
 * @ret_text: ASCII, but for escape codes; freed by the caller
 *
 * The rates, the working set, what measuring costs, the processes if there are
 * several, and the mappings that were written most, hottest first.
 * Return: 0 or -ENOMEM.
 */
int rate_screen(const struct rate_report *report,
		const struct rate_screen *screen, char **ret_text);

#endif
