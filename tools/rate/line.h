/* SPDX-License-Identifier: MIT */
/*
 * An interval as one line of plain text.
 */
#ifndef TOOLS_RATE_LINE_H
#define TOOLS_RATE_LINE_H

#include "rate/report.h"

/*
 * rate_line - the rates, the working set and the hottest mapping
 * @ret_text: without a newline; freed by the caller
 * Return: 0 or -ENOMEM.
 */
int rate_line(const struct rate_report *report, char **ret_text);

/*
 * rate_heading - the lines before the first one: who is measured, and how. One
 *      for each process
 * @ret_text: each ended by a newline; freed by the caller
 * Return: 0 or -ENOMEM.
 */
int rate_heading(const struct rate_report *report, char **ret_text);

/*
 * rate_warning - what may write without being counted
 * @ret_text: "", or a line with its newline; freed by the caller
 * Return: 0 or -ENOMEM.
 */
int rate_warning(const struct rate_report *report, char **ret_text);

#endif
