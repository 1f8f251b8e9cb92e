/* SPDX-License-Identifier: MIT */
/*
 * The mappings of a report, the hottest first, as a table that fits.
 */
#ifndef TOOLS_RATE_ROWS_H
#define TOOLS_RATE_ROWS_H

#include "rate/lines.h"
#include "rate/report.h"

/*
 * rate_rows_put - the table, in the rows that are left; the last one is for
 *      those that were not written
 *
 * A name that several mappings of a process have is followed by the address.
 * Return: 0 or -ENOMEM.
 */
int rate_rows_put(struct rate_lines *lines, const struct rate_report *report);

#endif
