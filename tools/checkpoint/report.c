/* SPDX-License-Identifier: MIT */
/*
 * Layers as lines and as objects.
 */
#include "checkpoint/report.h"

#include <stdio.h>
#include <string.h>

#include "common/range.h"
#include "text.h"
#include "work.h"

double checkpoint_number(const json_t *layer, const char *name)
{
	return json_number_value(json_object_get(layer, name));
}

const char *checkpoint_word(const json_t *layer, const char *name)
{
	const char *text = json_string_value(json_object_get(layer, name));

	return text ? text : "";
}

static void add(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(
		object, name,
		json_integer((json_int_t)min_u64(value, INT64_MAX)));
}

static void add_digest(json_t *object, const struct smudge_digest *digest)
{
	char text[2 * sizeof(digest->bytes) + 1];

	for (size_t i = 0; i < sizeof(digest->bytes); i++)
		sprintf(text + 2 * i, "%02x", digest->bytes[i]);
	json_object_set_new(object, "digest", json_string(text));
}

json_t *checkpoint_layer_json(const struct smudge_layer_info *info,
			      uint64_t total_ns)
{
	json_t *object = json_pack("{s:s, s:b}", "file", info->file_name,
				   "full", info->is_full);

	if (!object)
		return NULL;
	add(object, "layer", info->number);
	add(object, "pages", info->pages);
	add(object, "zero-pages", info->zero_pages);
	add(object, "file-bytes", info->file_bytes);
	add(object, "memory-bytes", info->memory_bytes);
	add(object, "time-ns", info->time_ns);
	add(object, "pause-ns", info->pause_ns);
	add(object, "pauses", info->pauses);
	add(object, "paused-ns", info->paused_ns);
	add(object, "longest-pause-ns", info->longest_pause_ns);
	add(object, "harvest-ns", info->harvest_ns);
	add(object, "copy-ns", info->copy_ns);
	add(object, "write-ns", info->write_ns);
	add(object, "total-ns", total_ns);
	add_digest(object, &info->digest);
	return object;
}

/* How long it stood by its own count, if that is known. */
static void format_pause(const json_t *layer, char text[TEXT_BYTES + 16])
{
	const json_t *stopped = json_object_get(layer, "stopped-ns");
	char time[TEXT_BYTES];

	text_time(time, stopped ? json_number_value(stopped)
				: checkpoint_number(layer, "pause-ns"));
	snprintf(text, TEXT_BYTES + 16, "%s %s", stopped ? "stopped" : "pause",
		 time);
}

/* The moments on a disk have numbers only. */
static void print_name(const json_t *layer)
{
	const char *file = checkpoint_word(layer, "file");

	if (strcmp(file, "disk") == 0)
		printf("checkpoint %.0f", checkpoint_number(layer, "layer"));
	else
		fputs(file, stdout);
}

void checkpoint_show_awaited(struct work *work, const char *awaited)
{
	if (strcmp(awaited, "snapshot") == 0)
		work_wait(work, "the snapshot");
	else if (strcmp(awaited, "on-commit") == 0)
		work_wait(work, "--on-commit");
	else
		work_wait(work, "what follows");
}

void checkpoint_print_line(const json_t *layer)
{
	char pages[TEXT_BYTES], bytes[TEXT_BYTES];
	char pause[TEXT_BYTES + 16], total[TEXT_BYTES];

	text_count(pages, checkpoint_number(layer, "pages"), 20);
	text_bytes(bytes, checkpoint_number(layer, "file-bytes"));
	format_pause(layer, pause);
	text_time(total, checkpoint_number(layer, "total-ns"));
	print_name(layer);
	printf(": %s, %s pages, %s, %s, in place after %s\n",
	       json_is_true(json_object_get(layer, "full")) ? "full" : "delta",
	       pages, bytes, pause, total);
}
