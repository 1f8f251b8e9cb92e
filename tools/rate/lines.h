/* SPDX-License-Identifier: MIT */
/*
 * Text in lines of a limited number and width.
 */
#ifndef TOOLS_RATE_LINES_H
#define TOOLS_RATE_LINES_H

#include <stdbool.h>
#include <stdio.h>

enum rate_style {
	RATE_PLAIN,
	RATE_BOLD,
	RATE_DIM,
	RATE_HOT,
	RATE_WARM,
};

struct rate_lines {
	FILE *out;
	unsigned int columns;
	unsigned int rows; /* that are left */
	bool has_colours;
};

/*
 * rate_lines_put - one more line, cut at the columns, in one style
 *
 * Bytes that are no printable ASCII become '?', so each takes one column.
 * Nothing if no row is left.
 */
void rate_lines_put(struct rate_lines *lines, enum rate_style style,
		    const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
