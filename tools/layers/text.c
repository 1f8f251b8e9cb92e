/* SPDX-License-Identifier: MIT */
/*
 * Layers as text and as JSON.
 */
#include "layers/layers.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "text.h"

#define NS_PER_S UINT64_C(1000000000)

void layers_digest(const struct smudge_digest *digest,
		   char text[LAYERS_DIGEST_BYTES])
{
	for (size_t i = 0; i < sizeof(digest->bytes); i++)
		sprintf(text + 2 * i, "%02x", digest->bytes[i]);
}

void layers_time(uint64_t time_ns, char text[LAYERS_TIME_BYTES])
{
	time_t seconds = (time_t)(time_ns / NS_PER_S);
	struct tm local;

	if (!localtime_r(&seconds, &local) ||
	    !strftime(text, LAYERS_TIME_BYTES, "%Y-%m-%d %H:%M:%S", &local))
		snprintf(text, LAYERS_TIME_BYTES, "?");
}

void layers_add(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name,
			    json_integer(value > INT64_MAX
						 ? INT64_MAX
						 : (json_int_t)value));
}

json_t *layers_text_json(const char *text)
{
	json_t *value = json_string(text);
	char plain[256];
	size_t i;

	if (value)
		return value;
	for (i = 0; text[i] && i < sizeof(plain) - 1; i++)
		plain[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	plain[i] = '\0';
	return json_string(plain);
}

json_t *layers_info_json(const struct smudge_layer_info *info)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{"file-bytes", info->file_bytes},
		{"pages", info->pages},
		{"zero-pages", info->zero_pages},
		{"memory-bytes", info->memory_bytes},
		{"regions", info->nregions},
		{"blobs", info->nblobs},
		{"time-ns", info->time_ns},
		{"pause-ns", info->pause_ns},
		{"harvest-ns", info->harvest_ns},
		{"copy-ns", info->copy_ns},
		{"write-ns", info->write_ns},
		{"pauses", info->pauses},
		{"paused-ns", info->paused_ns},
		{"longest-pause-ns", info->longest_pause_ns},
	};
	char digest[LAYERS_DIGEST_BYTES];
	json_t *object;

	layers_digest(&info->digest, digest);
	object = json_pack("{s:I, s:o, s:b, s:s}", "number",
			   (json_int_t)info->number, "file",
			   layers_text_json(info->file_name), "full",
			   info->is_full, "digest", digest);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		layers_add(object, numbers[i].name, numbers[i].value);
	return object;
}

/* 78 columns */
void layers_print_heading(void)
{
	printf("%6s  %-19s  %-5s  %11s  %9s  %8s  %s\n", "number", "taken",
	       "kind", "pages", "bytes", "pause", "digest");
}

void layers_print_row(const struct smudge_layer_info *info)
{
	char time[LAYERS_TIME_BYTES], digest[LAYERS_DIGEST_BYTES];
	char pages[TEXT_BYTES], bytes[TEXT_BYTES], pause[TEXT_BYTES];

	layers_time(info->time_ns, time);
	layers_digest(&info->digest, digest);
	text_count(pages, (double)info->pages, 11);
	text_bytes(bytes, (double)info->file_bytes);
	text_time(pause, (double)info->pause_ns);
	printf("%6llu  %-19s  %-5s  %11s  %9s  %8s  %.8s\n",
	       (unsigned long long)info->number, time,
	       info->is_full ? "full" : "delta", pages, bytes, pause, digest);
}
