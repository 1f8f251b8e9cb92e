/* SPDX-License-Identifier: MIT */
/*
 * Numbers on the command line: decimal digits, and a suffix for bytes. strtoull
 * and the like also accept blanks, signs and negative numbers, which wrap.
 */
#ifndef TOOLS_NUMBER_H
#define TOOLS_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* False, and @ret_value unchanged, if @text is no decimal number <= @max. */
bool number_parse(const char *text, uint64_t max, uint64_t *ret_value);

/*
 * Tenths of a number with at most one digit behind its point: 15 for "1.5".
 * False if it is 0, or more than @max_whole and 9 tenths.
 */
bool number_parse_tenths(const char *text, uint64_t max_whole,
			 uint64_t *ret_tenths);

/*
 * A decimal number with an optional suffix K, M, G or T, upper or lower case:
 * powers of 1024, as in smudge-vm's --memory.
 */
bool number_parse_bytes(const char *text, uint64_t max, uint64_t *ret_bytes);

#endif
