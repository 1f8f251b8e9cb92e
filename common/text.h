/* SPDX-License-Identifier: MIT */
/*
 * Texts.
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool text_begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* With one of the @n in a list? */
static inline bool text_begins_with_any(const char *text,
					const char *const *with, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text_begins(text, with[i]))
			return true;
	}
	return false;
}

#endif
