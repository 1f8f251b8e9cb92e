/* SPDX-License-Identifier: MIT */
/*
 * Numbers as a reader wants them, in a column of a table.
 */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

#include <stddef.h>

#define TEXT_BYTES 32

/*
 * text_count - a number of pages or events
 * @width: at most so many characters: "1,234,567", else "1.2M"; 4 are enough
 *         for every number below 10^17
 */
void text_count(char text[TEXT_BYTES], double number, size_t width);

/* "512 B", "1.5 KiB"...: at most 8 characters */
void text_bytes(char text[TEXT_BYTES], double bytes);

/* "120 ns", "1.5 us", "23 ms", "4.0 s" */
void text_time(char text[TEXT_BYTES], double ns);

/* m:ss, or h:mm:ss */
void text_clock(char text[TEXT_BYTES], double seconds);

#endif
