/* SPDX-License-Identifier: MIT */
/*
 * The sequence of the stream's records, and the bytes that were read.
 */
#include "qemu/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/error.h>

#include "qemu/stream_parts.h"

#define NAME QEMU_STREAM_NAME

/*
 * A read is so short that a description of usual length cannot end in what was
 * read with its begin, and in the pipe.
 */
#define READ_BYTES  ((size_t)1024)
#define MAX_BYTES   ((size_t)256 << 20)
#define PAGE_BYTES  4096
#define RAM_VERSION 4
#define FOOTER_MARK 0x7e

enum {
	SECTION_EOF = 0,
	SECTION_START = 1,
	SECTION_PART = 2,
	SECTION_END = 3,
	SECTION_FULL = 4,
	SECTION_COMMAND = 8,
};

struct qemu_stream *qemu_stream_create(size_t pipe_bytes)
{
	struct qemu_stream *stream = calloc(1, sizeof(*stream));

	if (stream) {
		stream->pipe_bytes = pipe_bytes;
		stream->page_bytes = PAGE_BYTES;
	}
	return stream;
}

void qemu_stream_expect(struct qemu_stream *stream,
			const struct qemu_places *places)
{
	stream->shared = places;
}

void qemu_stream_destroy(struct qemu_stream *stream)
{
	if (!stream)
		return;
	free(stream->bytes);
	free(stream);
}

static int begin_section(struct qemu_stream *stream, struct qemu_cursor *cursor,
			 struct smudge_error *err)
{
	uint32_t section = (uint32_t)qemu_cursor_number(cursor, 4);
	size_t length;
	const char *name = qemu_cursor_text(cursor, &length);
	uint64_t version;

	qemu_cursor_skip(cursor, 4); /* the instance */
	version = qemu_cursor_number(cursor, 4);
	if (cursor->is_short)
		return 0;
	if (length != 3 || memcmp(name, "ram", 3) != 0 || stream->has_ram)
		return smudge_error_set(
			err, -EOPNOTSUPP, NAME,
			"QEMU saves %.*s while its machine runs, which is not "
			"supported",
			(int)length, name);
	if (version != RAM_VERSION)
		return smudge_error_set(err, -EOPNOTSUPP, NAME,
					"QEMU writes version %u of the section "
					"ram; %u is known",
					(unsigned int)version, RAM_VERSION);
	stream->ram_section = section;
	stream->has_ram = true;
	stream->phase = QEMU_STREAM_RAM;
	return 0;
}

static int continue_section(struct qemu_stream *stream,
			    struct qemu_cursor *cursor, bool is_last,
			    struct smudge_error *err)
{
	uint32_t section = (uint32_t)qemu_cursor_number(cursor, 4);

	if (cursor->is_short)
		return 0;
	if (!stream->has_ram || section != stream->ram_section)
		return smudge_error_set(err, -EBADMSG, NAME,
					"QEMU's stream goes on with section %u "
					"that it has not begun",
					section);
	stream->is_last = is_last;
	stream->phase = QEMU_STREAM_RAM;
	return 0;
}

static int read_section(struct qemu_stream *stream, struct qemu_cursor *cursor,
			struct smudge_error *err)
{
	size_t begin = cursor->at;
	uint64_t kind = qemu_cursor_number(cursor, 1);

	if (cursor->is_short)
		return 0;
	if (kind == SECTION_START && !stream->has_stopped)
		return begin_section(stream, cursor, err);
	if (kind == SECTION_PART || kind == SECTION_END)
		return continue_section(stream, cursor, kind == SECTION_END,
					err);
	if (kind == SECTION_COMMAND) {
		qemu_cursor_skip(cursor, 2);
		qemu_cursor_skip(cursor, (size_t)qemu_cursor_number(cursor, 2));
		return 0;
	}
	if (kind == SECTION_FULL && stream->has_stopped) {
		stream->devices_at = begin;
		stream->phase = QEMU_STREAM_DEVICES;
		return 0;
	}
	return smudge_error_set(err, -EOPNOTSUPP, NAME,
				"QEMU's stream has a part of kind %u where "
				"none is expected",
				(unsigned int)kind);
}

static int read_footer(struct qemu_stream *stream, struct qemu_cursor *cursor,
		       struct smudge_error *err)
{
	uint64_t mark = qemu_cursor_number(cursor, 1);
	uint64_t section = qemu_cursor_number(cursor, 4);

	if (cursor->is_short)
		return 0;
	if (mark != FOOTER_MARK || section != stream->ram_section)
		return smudge_error_set(err, -EOPNOTSUPP, NAME,
					"a section of QEMU's stream has no end "
					"mark, as with send-section-footer=off "
					"or a machine type before 2.4");
	if (stream->is_last)
		stream->has_stopped = true;
	stream->phase = QEMU_STREAM_SECTION;
	return 0;
}

static int read_record(struct qemu_stream *stream, struct qemu_cursor *cursor,
		       struct smudge_error *err)
{
	switch (stream->phase) {
	case QEMU_STREAM_HEADER:
		return qemu_stream_header(stream, cursor, err);
	case QEMU_STREAM_CONFIGURATION:
		return qemu_stream_configuration(stream, cursor, err);
	case QEMU_STREAM_RAM:
		return qemu_stream_ram(stream, cursor, err);
	case QEMU_STREAM_FOOTER:
		return read_footer(stream, cursor, err);
	default:
		return read_section(stream, cursor, err);
	}
}

static int read_records(struct qemu_stream *stream, struct smudge_error *err)
{
	while (stream->phase != QEMU_STREAM_DEVICES) {
		struct qemu_cursor cursor = {
			.bytes = stream->bytes,
			.at = stream->at,
			.length = stream->length,
		};
		int ret = read_record(stream, &cursor, err);

		if (ret < 0 || cursor.is_short)
			return ret;
		stream->at = cursor.at;
	}
	return qemu_stream_devices(stream, err);
}

static int append(struct qemu_stream *stream, const void *bytes, size_t length,
		  struct smudge_error *err)
{
	size_t capacity = stream->capacity ? stream->capacity : PAGE_BYTES;
	uint8_t *grown;

	if (length > MAX_BYTES - stream->length)
		return smudge_error_set(err, -EFBIG, NAME,
					"the state of QEMU's machine is larger "
					"than %zu MiB: is part of its memory "
					"not shared?",
					MAX_BYTES >> 20);
	while (capacity < stream->length + length)
		capacity *= 2;
	if (capacity > stream->capacity) {
		grown = realloc(stream->bytes, capacity);
		if (!grown)
			return smudge_error_set(err, -ENOMEM, NAME,
						"out of memory");
		stream->bytes = grown;
		stream->capacity = capacity;
	}
	memcpy(stream->bytes + stream->length, bytes, length);
	stream->length += length;
	return 0;
}

int qemu_stream_take(struct qemu_stream *stream, const void *bytes,
		     size_t length, struct smudge_error *err)
{
	int ret = append(stream, bytes, length, err);

	if (!ret)
		ret = read_records(stream, err);
	return ret ? ret : stream->is_whole;
}

size_t qemu_stream_room(const struct qemu_stream *stream)
{
	size_t left;

	if (stream->is_whole)
		return 0;
	if (!stream->text_at)
		return READ_BYTES;
	left = qemu_stream_whole(stream) - stream->length;
	return left < stream->pipe_bytes ? left : stream->pipe_bytes;
}

bool qemu_stream_has_stopped(const struct qemu_stream *stream)
{
	return stream->has_stopped;
}

bool qemu_stream_is_described(const struct qemu_stream *stream)
{
	return stream->text_at != 0;
}

const void *qemu_stream_state(const struct qemu_stream *stream,
			      size_t *ret_length)
{
	/* the byte of the description's mark and its length are behind it */
	*ret_length = stream->text_at - 5;
	return stream->bytes;
}
