/* SPDX-License-Identifier: MIT */
/*
 * Lines that fit.
 */
#include "rate/lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 512

static const char *const codes[] = {
	[RATE_PLAIN] = "",	  [RATE_BOLD] = "\x1b[1m",
	[RATE_DIM] = "\x1b[2m",	  [RATE_HOT] = "\x1b[31m",
	[RATE_WARM] = "\x1b[33m",
};

/* A character of UTF-8 takes one column: its other bytes are dropped. */
static void make_ascii(char *text)
{
	size_t len = 0;

	for (const char *c = text; *c; c++) {
		if ((*c & 0xc0) == 0x80)
			continue;
		text[len++] = *c >= ' ' && *c <= '~' ? *c : '?';
	}
	while (len && text[len - 1] == ' ')
		len--;
	text[len] = '\0';
}

/* A number that is cut must not look like a smaller one. */
static void mark_cut(char *text, unsigned int columns)
{
	if (!columns || strlen(text) <= columns)
		return;
	text[columns - 1] = '>';
	text[columns] = '\0';
}

void rate_lines_put(struct rate_lines *lines, enum rate_style style,
		    const char *format, ...)
{
	bool is_styled = lines->has_colours && style != RATE_PLAIN;
	char text[LINE_BYTES];
	va_list args;

	if (!lines->rows)
		return;
	lines->rows--;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_ascii(text);
	mark_cut(text, lines->columns);
	fprintf(lines->out, "%s%s%s\n", is_styled ? codes[style] : "", text,
		is_styled ? "\x1b[0m" : "");
}
