/* SPDX-License-Identifier: MIT */
/*
 * A report as JSON; smudge(1) explains each field.
 */
#ifndef TOOLS_RATE_JSON_H
#define TOOLS_RATE_JSON_H

#include <jansson.h>

#include "rate/report.h"

/* Return: a new reference, or NULL: no memory. */
json_t *rate_json(const struct rate_report *report);

#endif
