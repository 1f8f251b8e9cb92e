/* SPDX-License-Identifier: MIT */
/*
 * Numbers on the command line: decimal digits and nothing else. strtoull and
 * the like also accept blanks, signs and negative numbers, which wrap.
 */
#ifndef TOOLS_NUMBER_H
#define TOOLS_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* False, and @ret_value unchanged, if @text is no decimal number <= @max. */
bool number_parse(const char *text, uint64_t max, uint64_t *ret_value);

#endif
