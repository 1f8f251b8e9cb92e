/* SPDX-License-Identifier: MIT */
/*
 * Text that others chose, as a terminal may be given it.
 */
#ifndef TOOLS_PRINTABLE_H
#define TOOLS_PRINTABLE_H

#include <stddef.h>

/*
 * Copy @from as valid UTF-8 in one line: what is none, and control characters,
 * become '?'. Cut behind a character if it does not fit in @size bytes.
 */
void printable_copy(char *to, size_t size, const char *from);

#endif
