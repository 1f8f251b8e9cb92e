/* SPDX-License-Identifier: MIT */
/*
 * Lines of parts.
 */
#include "parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEFAULT_COLUMNS 80
#define MIN_COLUMNS	10

void parts_add(struct parts *parts, const char *format, ...)
{
	const char *between = parts->len ? " | " : "";
	char part[64];
	size_t len;
	va_list args;

	va_start(args, format);
	vsnprintf(part, sizeof(part), format, args);
	va_end(args);
	len = strlen(between) + strlen(part);
	if (parts->is_full || parts->len + len > parts->columns ||
	    parts->len + len >= PARTS_BYTES) {
		parts->is_full = true;
		return;
	}
	sprintf(parts->buf + parts->len, "%s%s", between, part);
	parts->len += len;
}

size_t parts_columns(int fd)
{
	struct winsize size = {0};

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return DEFAULT_COLUMNS;
	return size.ws_col < MIN_COLUMNS ? MIN_COLUMNS : size.ws_col;
}

bool parts_can_redraw(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) == 1 && (!term || strcmp(term, "dumb") != 0);
}
