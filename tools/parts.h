/* SPDX-License-Identifier: MIT */
/*
 * A line of parts that fits a terminal: parts that do not fit are left out from
 * its end.
 */
#ifndef TOOLS_PARTS_H
#define TOOLS_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#define PARTS_BYTES 256

struct parts {
	char *buf; /* PARTS_BYTES; the caller makes it empty */
	size_t len;
	size_t columns; /* the line is not longer */
	bool is_full;
};

/* Once a part does not fit, none of the later ones is added. */
void parts_add(struct parts *parts, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Columns of the terminal at a descriptor, now; 80 if it does not tell. Less
 * than 10 are taken for 10.
 */
size_t parts_columns(int fd);

/*
 * Can a line be redrawn there? Not on a terminal that calls itself "dumb", as
 * those in editors do: it would show the codes.
 */
bool parts_can_redraw(int fd);

#endif
