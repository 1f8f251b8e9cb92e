/* SPDX-License-Identifier: MIT */
/*
 * Reading and parsing the text of /proc/PID/maps.
 *
 * The text is of many moments, since the kernel writes a page of it at a time
 * and continues behind the last address. A mapping that was divided and is one
 * again meanwhile is there twice: its beginning, and then all of it.
 */
#include "process/maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "process/proc_dir.h"

#define WHERE "process"

#define MAX_TEXT_BYTES ((size_t)64 << 20)

static size_t count_lines(const char *text, size_t length)
{
	size_t n = 0;

	for (size_t i = 0; i < length; i++)
		n += text[i] == '\n';
	return n;
}

/* What an earlier line did not have. Return: false: nothing. */
static bool cut_front(struct smi_process_mapping *m, uint64_t last)
{
	if (m->end <= last)
		return false;
	if (m->start < last && m->has_file)
		m->file_off += last - m->start;
	if (m->start < last)
		m->start = last;
	return true;
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
		if (!smi_process_mapping_parse(at, m))
			return -EIO;
		at = newline + 1;
		if (!cut_front(m, last))
			continue;
		last = m->end;
		maps->n++;
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
