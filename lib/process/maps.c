/* SPDX-License-Identifier: MIT */
/*
 * Reading and parsing the text of /proc/PID/maps.
 */
#include "process/maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "process/proc_dir.h"

#define WHERE "process"

#define MAX_TEXT_BYTES ((size_t)64 << 20)

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

/* One line, without its newline. */
static bool parse_line(const char *at, struct smi_process_mapping *m)
{
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

static size_t count_lines(const char *text, size_t length)
{
	size_t n = 0;

	for (size_t i = 0; i < length; i++)
		n += text[i] == '\n';
	return n;
}

int smi_process_maps_parse(char *text, size_t length,
			   struct smi_process_maps *maps)
{
	size_t nlines = count_lines(text, length);
	char *at = text, *end = text + length;
	uint64_t last = 0;

	*maps = (struct smi_process_maps){.text = text};
	maps->list = calloc(nlines + 1, sizeof(*maps->list));
	if (!maps->list)
		return -ENOMEM;
	while (at < end) {
		struct smi_process_mapping *m = &maps->list[maps->n];
		char *newline = memchr(at, '\n', (size_t)(end - at));

		if (!newline)
			return -EIO;
		*newline = '\0';
		if (!parse_line(at, m) || m->start < last)
			return -EIO;
		last = m->end;
		maps->n++;
		at = newline + 1;
	}
	return 0;
}

int smi_process_maps_read(int proc, struct smi_process_maps *maps,
			  struct smudge_error *err)
{
	size_t length = 0;
	char *text = NULL;
	int ret;

	*maps = (struct smi_process_maps){0};
	ret = smi_proc_dir_read(proc, "maps", MAX_TEXT_BYTES, &text, &length);
	if (!ret)
		ret = smi_process_maps_parse(text, length, maps);
	if (ret < 0) {
		smi_process_maps_free(maps);
		smudge_error_set(err, ret, WHERE,
				 "cannot read the mappings of the process from "
				 "/proc/PID/maps: %s",
				 strerror(-ret));
	}
	return ret;
}

void smi_process_maps_free(struct smi_process_maps *maps)
{
	free(maps->list);
	free(maps->text);
	*maps = (struct smi_process_maps){0};
}
