/* SPDX-License-Identifier: MIT */
/*
 * Numbers on the command line: decimal digits and nothing else. strtoull and
 * its kin also take blanks, signs and wrapped negative numbers.
 */
#ifndef TOOLS_NUMBER_H
#define TOOLS_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* False, and @ret as before: not a decimal number from 0 to @max. */
bool number_parse(const char *text, uint64_t max, uint64_t *ret);

#endif
