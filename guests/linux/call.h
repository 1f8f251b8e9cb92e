/* SPDX-License-Identifier: MIT */
/*
 * What witness.c needs of Linux: lines on the standard output, clocks, rest.
 */
#ifndef GUESTS_LINUX_CALL_H
#define GUESTS_LINUX_CALL_H

#include <stddef.h>
#include <stdint.h>

struct line {
	char text[160];
	size_t len;
};

void line_begin(struct line *line, const char *text);
/* What does not fit is left out. */
void line_add(struct line *line, const char *text);
void line_add_number(struct line *line, uint64_t number);
/* With a line feed, in one call. */
void line_print(struct line *line);

/* Seconds since 1970 by the battery-backed clock; 0 without one. */
int64_t clock_world_s(void);
/* Seconds since the kernel began. */
int64_t clock_own_s(void);
void clock_rest(int64_t ns);

#endif
