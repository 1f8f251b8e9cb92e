/* SPDX-License-Identifier: MIT */
/*
 * Parsing a line of /proc/PID/maps.
 */
#include "process/mapping.h"

#include <string.h>

/* A number up to a character that ends it. Return: what follows, or NULL. */
static const char *take_number(const char *at, unsigned int base, char end,
			       uint64_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit;
	uint64_t n = 0;

	if (*at == end)
		return NULL;
	for (; *at != end; at++) {
		digit = *at ? memchr(digits, *at, base) : NULL;
		if (!digit || n > UINT64_MAX / base)
			return NULL;
		n = n * base + (uint64_t)(digit - digits);
	}
	*ret = n;
	return at + 1;
}

static const char *take_perms(const char *at, struct smi_process_mapping *m)
{
	if (strnlen(at, 5) < 5 || at[4] != ' ')
		return NULL;
	m->is_readable = at[0] == 'r';
	m->is_writable = at[1] == 'w';
	m->is_executable = at[2] == 'x';
	m->is_shared = at[3] == 's';
	return at + 5;
}

bool smi_process_mapping_parse(const char *line, struct smi_process_mapping *m)
{
	const char *at = line;
	uint64_t dev_major = 0, dev_minor = 0;

	at = take_number(at, 16, '-', &m->start);
	if (at)
		at = take_number(at, 16, ' ', &m->end);
	if (at)
		at = take_perms(at, m);
	if (at)
		at = take_number(at, 16, ' ', &m->file_off);
	if (at)
		at = take_number(at, 16, ':', &dev_major);
	if (at)
		at = take_number(at, 16, ' ', &dev_minor);
	if (at)
		at = take_number(at, 10, ' ', &m->inode);
	if (!at || m->end <= m->start)
		return false;
	m->dev_major = (unsigned int)dev_major;
	m->dev_minor = (unsigned int)dev_minor;
	m->has_file = m->inode || dev_major || dev_minor;
	m->name = at + strspn(at, " ");
	return true;
}
