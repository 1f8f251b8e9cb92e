/* SPDX-License-Identifier: MIT */
/*
 * Streams as QEMU 7.2 writes them.
 */
#include "stream_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define RAM_SECTION	2
#define BLOCK_BYTES	((uint64_t)16 << 20)
#define PAGE_BYTES	4096
#define RAM_SIZE_FLAG	0x04
#define RAM_PAGE_FLAG	0x08
#define RAM_END_FLAG	0x10
#define MAX_TEXT_BYTES	4096
#define FIRST_DEVICE	8
#define USUAL_FIELD_LEN 32

static void *append(void *to, size_t *length, const void *bytes, size_t n)
{
	char *grown = realloc(to, *length + n + 1);

	assert_non_null(grown);
	if (n)
		memcpy(grown + *length, bytes, n);
	*length += n;
	return grown;
}

void rig_put(struct stream_rig *rig, const void *bytes, size_t length)
{
	rig->bytes = append(rig->bytes, &rig->length, bytes, length);
}

void rig_number(struct stream_rig *rig, unsigned int nbytes, uint64_t value)
{
	for (unsigned int i = nbytes; i-- > 0;) {
		uint8_t byte = (uint8_t)(value >> (8 * i));

		rig_put(rig, &byte, 1);
	}
}

void rig_text(struct stream_rig *rig, const char *text)
{
	rig_number(rig, 1, strlen(text));
	rig_put(rig, text, strlen(text));
}

static void describe(struct stream_rig *rig, const char *text)
{
	rig->text = append(rig->text, &rig->text_length, text, strlen(text));
}

void rig_begin(struct stream_rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	rig->next_section = FIRST_DEVICE;
	rig_number(rig, 4, 0x5145564d);
	rig_number(rig, 4, 3);
	rig_number(rig, 1, 7);
	rig_number(rig, 4, 6);
	rig_put(rig, "pc-7.2", 6);
	rig_number(rig, 1, 5);
	rig_text(rig, "configuration/capabilities");
	rig_number(rig, 4, 1);
	rig_number(rig, 4, 1);
	rig_text(rig, "x-ignore-shared");
	describe(rig, "{\"configuration\": {\"devices\": [7]}, \"page_size\": "
		      "4096, \"devices\": [");
}

void rig_footer(struct stream_rig *rig, uint32_t section)
{
	rig_number(rig, 1, 0x7e);
	rig_number(rig, 4, section);
}

void rig_ram_begin(struct stream_rig *rig)
{
	rig_number(rig, 1, 1);
	rig_number(rig, 4, RAM_SECTION);
	rig_text(rig, "ram");
	rig_number(rig, 4, 0);
	rig_number(rig, 4, 4);
	rig_number(rig, 8, BLOCK_BYTES | RAM_SIZE_FLAG);
	rig_text(rig, "vga.vram");
	rig_number(rig, 8, BLOCK_BYTES);
	rig_number(rig, 8, 0xfd000000);
	rig_number(rig, 8, RAM_END_FLAG);
	rig_footer(rig, RAM_SECTION);
}

void rig_page(struct stream_rig *rig, const void *bytes, size_t length)
{
	uint8_t page[PAGE_BYTES] = {0};

	memcpy(page, bytes, length);
	rig_number(rig, 8, RAM_PAGE_FLAG);
	rig_text(rig, "vga.vram");
	rig_put(rig, page, sizeof(page));
}

void rig_ram_part(struct stream_rig *rig)
{
	rig_number(rig, 1, 2);
	rig_number(rig, 4, RAM_SECTION);
}

void rig_ram_end(struct stream_rig *rig)
{
	rig_number(rig, 1, 3);
	rig_number(rig, 4, RAM_SECTION);
	rig_number(rig, 8, RAM_END_FLAG);
	rig_footer(rig, RAM_SECTION);
}

void rig_until_devices(struct stream_rig *rig)
{
	rig_begin(rig);
	rig_ram_begin(rig);
	rig_ram_part(rig);
	rig_page(rig, "x", 1);
	rig_number(rig, 8, RAM_END_FLAG);
	rig_footer(rig, RAM_SECTION);
	rig_ram_end(rig);
}

void rig_device(struct stream_rig *rig, const char *name, const void *bytes,
		size_t length)
{
	char text[MAX_TEXT_BYTES];

	rig_number(rig, 1, 4);
	rig_number(rig, 4, rig->next_section);
	rig_text(rig, name);
	rig_number(rig, 4, 0);
	rig_number(rig, 4, 1);
	rig_put(rig, bytes, length);
	rig_footer(rig, rig->next_section++);
	snprintf(text, sizeof(text),
		 "%s{\"name\": \"%s\", \"instance_id\": 0, \"version\": 1, "
		 "\"fields\": [{\"name\": \"a \\\"{ of it\", \"type\": "
		 "\"buffer\", \"size\": %zu}]}",
		 rig->ndevices++ ? ", " : "", name, length);
	describe(rig, text);
}

void rig_devices(struct stream_rig *rig, size_t ndevices)
{
	uint8_t bytes[USUAL_FIELD_LEN];
	char name[32];

	for (size_t i = 0; i < ndevices; i++) {
		memset(bytes, (int)i, sizeof(bytes));
		snprintf(name, sizeof(name), "device%zu", i);
		rig_device(rig, name, bytes, sizeof(bytes));
	}
}

void rig_finish(struct stream_rig *rig)
{
	describe(rig, "]}");
	rig_number(rig, 1, 0);
	rig->state_length = rig->length;
	rig_number(rig, 1, 6);
	rig_number(rig, 4, rig->text_length);
	rig_put(rig, rig->text, rig->text_length);
}

void rig_free(struct stream_rig *rig)
{
	free(rig->bytes);
	free(rig->text);
}

int rig_read(const struct stream_rig *rig, struct qemu_stream *stream,
	     size_t most, size_t *ret_length, struct smudge_error *err)
{
	size_t at = 0;
	int ret = 0;

	while (!ret && at < rig->length) {
		size_t room = qemu_stream_room(stream);
		size_t n = rig->length - at;

		assert_true(room > 0 && room <= RIG_PIPE_BYTES);
		n = n < room ? n : room;
		n = n < most ? n : most;
		ret = qemu_stream_take(stream, rig->bytes + at, n, err);
		at += n;
	}
	*ret_length = at;
	return ret;
}
