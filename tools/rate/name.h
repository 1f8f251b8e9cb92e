/* SPDX-License-Identifier: MIT */
/*
 * Names that other processes chose, made harmless.
 */
#ifndef TOOLS_RATE_NAME_H
#define TOOLS_RATE_NAME_H

#include <stddef.h>

#define RATE_NAME_BYTES 96

/*
 * Copy a name, as valid UTF-8: what is none, and control characters, become
 * '?'. A longer name keeps its beginning and its end, with "..." between.
 */
void rate_name_copy(char name[RATE_NAME_BYTES], const char *from);

/*
 * The end of a name, since the last part of a path says most: at most @width
 * characters, with "..." before it if something is missing. @width is at least
 * 4. A path begins with a whole folder's name where that costs little.
 */
void rate_name_tail(char tail[RATE_NAME_BYTES], const char *name, size_t width);

size_t rate_name_characters(const char *name);

#endif
