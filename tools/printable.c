/* SPDX-License-Identifier: MIT */
/*
 * Characters of UTF-8, without those that steer a terminal.
 */
#include "printable.h"

#include <string.h>

/* How many bytes of @text are one character of UTF-8; 0: none. */
static size_t character_bytes(const unsigned char *text)
{
	static const struct {
		unsigned char mask, lead;
		unsigned int first;
	} kinds[] = {{0x80, 0x00, 0x20},
		     {0xe0, 0xc0, 0xa0}, /* from 0x80 on: control characters */
		     {0xf0, 0xe0, 0x800},
		     {0xf8, 0xf0, 0x10000}};

	for (size_t kind = 0; kind < 4; kind++) {
		unsigned int code = text[0] & (unsigned char)~kinds[kind].mask;

		if ((text[0] & kinds[kind].mask) != kinds[kind].lead)
			continue;
		for (size_t i = 1; i <= kind; i++) {
			if ((text[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (text[i] & 0x3f);
		}
		if (code < kinds[kind].first || code == 0x7f ||
		    (code >= 0xd800 && code < 0xe000) || code > 0x10ffff ||
		    (code & 0xfffe) == 0xfffe)
			return 0;
		return kind + 1;
	}
	return 0;
}

void printable_copy(char *to, size_t size, const char *from)
{
	const unsigned char *text = (const unsigned char *)from;
	size_t len = 0;

	while (*text) {
		size_t n = character_bytes(text);

		if (len + (n ? n : 1) >= size)
			break;
		if (n)
			memcpy(to + len, text, n);
		else
			to[len] = '?';
		len += n ? n : 1;
		text += n ? n : 1;
	}
	to[len] = '\0';
}
