/* SPDX-License-Identifier: MIT */
/*
 * Progress of work whose amount is known, on standard output.
 *
 * On a terminal one line is rewritten, as long as the terminal is wide, and it
 * is erased at the end. Elsewhere there is a line per second.
 */
#ifndef TOOLS_WORK_H
#define TOOLS_WORK_H

#include <stdbool.h>
#include <stdint.h>

struct work {
	const char *what; /* "verified" */
	bool is_quiet;
	bool is_terminal;
	bool is_open; /* the terminal's cursor is at the end of our line */
	int64_t began_ms;
	int64_t shown_ms;
};

/* @what: what is done to the bytes; borrowed. @is_quiet: show nothing. */
void work_begin(struct work *work, const char *what, bool is_quiet);

/* Other work follows, whose time begins now; nothing if it is the same. */
void work_rename(struct work *work, const char *what);

/* Show it, unless that was done a moment ago. */
void work_show(struct work *work, double done_bytes, double total_bytes);

/* The same while something else is waited for, whose end is not known. */
void work_wait(struct work *work, const char *what);

/* Erase the line of a terminal. */
void work_end(struct work *work);

#endif
