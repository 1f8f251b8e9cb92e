/* SPDX-License-Identifier: MIT */
/*
 * Names that other processes chose.
 */
#include "rate/name.h"

#include <stdbool.h>
#include <string.h>

#define LONGEST_BYTES 4608 /* PATH_MAX and more */
#define HEAD_BYTES    31   /* that a longer name keeps of its beginning */

static const char dots[] = "...";

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

/* As valid UTF-8; a name longer than @size is cut behind a character. */
static void clean(char *name, size_t size, const char *from)
{
	const unsigned char *text = (const unsigned char *)from;
	size_t len = 0;

	while (*text) {
		size_t n = character_bytes(text);

		if (len + (n ? n : 1) >= size)
			break;
		if (n)
			memcpy(name + len, text, n);
		else
			name[len] = '?';
		len += n ? n : 1;
		text += n ? n : 1;
	}
	name[len] = '\0';
}

static bool is_inside_character(char byte)
{
	return (byte & 0xc0) == 0x80;
}

void rate_name_copy(char name[RATE_NAME_BYTES], const char *from)
{
	char all[LONGEST_BYTES];
	size_t head = HEAD_BYTES;
	const char *tail;

	clean(all, sizeof(all), from);
	if (strlen(all) < RATE_NAME_BYTES) {
		strcpy(name, all);
		return;
	}
	while (is_inside_character(all[head]))
		head--;
	tail = all + strlen(all) -
	       (RATE_NAME_BYTES - 1 - HEAD_BYTES - strlen(dots));
	while (is_inside_character(*tail))
		tail++;
	memcpy(name, all, head);
	strcpy(name + head, dots);
	strcat(name, tail);
}

size_t rate_name_characters(const char *name)
{
	size_t n = 0;

	for (; *name; name++)
		n += !is_inside_character(*name);
	return n;
}

/* The next folder's beginning, if that does not cost half of what is left. */
static const char *at_folder(const char *name)
{
	const char *slash = strchr(name, '/');

	return slash && strlen(slash) * 2 >= strlen(name) ? slash : name;
}

void rate_name_tail(char tail[RATE_NAME_BYTES], const char *name, size_t width)
{
	size_t n = rate_name_characters(name);

	if (n <= width) {
		strcpy(tail, name);
		return;
	}
	for (n -= width - 3; n; n--) {
		name++;
		while (is_inside_character(*name))
			name++;
	}
	strcpy(tail, dots);
	strcat(tail, at_folder(name));
}
