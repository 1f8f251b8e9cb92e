/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the stream's reader share.
 *
 * A step reads one record at the cursor. It returns 0, or -errno with a
 * sentence; if the cursor is short then, it is made again with more bytes.
 */
#ifndef TOOLS_QEMU_STREAM_PARTS_H
#define TOOLS_QEMU_STREAM_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qemu/cursor.h"

struct qemu_places;
struct smudge_error;

#define QEMU_STREAM_NAME "qemu-stream"

enum qemu_stream_phase {
	QEMU_STREAM_HEADER,
	QEMU_STREAM_CONFIGURATION,
	QEMU_STREAM_SECTION,
	QEMU_STREAM_RAM,
	QEMU_STREAM_FOOTER,
	QEMU_STREAM_DEVICES,
};

struct qemu_stream {
	size_t pipe_bytes;
	const struct qemu_places *shared; /* or NULL */
	uint8_t *bytes;
	size_t length;
	size_t capacity;
	size_t at; /* up to here records were read */

	enum qemu_stream_phase phase;
	uint64_t page_bytes;
	uint32_t ram_section;
	bool has_ram;
	bool is_last;	  /* the section that is read is the last of "ram" */
	bool has_stopped; /* and it was there */
	bool is_whole;

	size_t devices_at;  /* the first device's section */
	size_t text_at;	    /* where a description may begin; 0: nowhere */
	size_t text_length; /* its length */
};

/* The header and the configuration section. */
int qemu_stream_header(struct qemu_stream *stream, struct qemu_cursor *cursor,
		       struct smudge_error *err);
int qemu_stream_configuration(struct qemu_stream *stream,
			      struct qemu_cursor *cursor,
			      struct smudge_error *err);
/* A record of a section "ram". */
int qemu_stream_ram(struct qemu_stream *stream, struct qemu_cursor *cursor,
		    struct smudge_error *err);
/* The bytes from stream->at on, in search of the end of the devices. */
int qemu_stream_devices(struct qemu_stream *stream, struct smudge_error *err);

/* How many bytes of the stream there are when it is whole. */
static inline size_t qemu_stream_whole(const struct qemu_stream *stream)
{
	return stream->text_at + stream->text_length - stream->pipe_bytes - 1;
}

#endif
