/* SPDX-License-Identifier: MIT */
/*
 * Names that other processes chose.
 */
#include "rate/name.h"

#include <stdbool.h>
#include <string.h>

#include "printable.h"

#define LONGEST_BYTES 4608 /* PATH_MAX and more */
#define HEAD_BYTES    31   /* that a longer name keeps of its beginning */

static const char dots[] = "...";

static bool is_inside_character(char byte)
{
	return (byte & 0xc0) == 0x80;
}

void rate_name_copy(char name[RATE_NAME_BYTES], const char *from)
{
	char all[LONGEST_BYTES];
	size_t head = HEAD_BYTES;
	const char *tail;

	printable_copy(all, sizeof(all), from);
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
