/* SPDX-License-Identifier: MIT */
/*
 * The state of a migration as one line that fits a terminal.
 */
#ifndef TOOLS_PROGRESS_LINE_H
#define TOOLS_PROGRESS_LINE_H

#include <stddef.h>

#include <jansson.h>

#include "parts.h"

/* A line of all parts is shorter, and without colours or escape codes. */
#define PROGRESS_LINE_BYTES PARTS_BYTES

/*
 * progress_line - write the line
 * @reply: of query-migrate
 * @round: the round that the line is about
 * @columns: the line is not longer; parts that do not fit are left out from
 *           its end
 * @buf: PROGRESS_LINE_BYTES; always ended by a zero byte
 *
 * The per cent are those of the memory that the destination has as it is at
 * the source. The time is the elapsed one and the estimated whole; without "of"
 * while the guest writes faster than the migration sends.
 */
void progress_line(const json_t *reply, unsigned int round, size_t columns,
		   char *buf);

/* A number in a nested object ("ram", "total"), 0 if it is not there. */
double progress_number(const json_t *object, const char *outer,
		       const char *name);

#endif
