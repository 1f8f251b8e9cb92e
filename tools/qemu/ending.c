/* SPDX-License-Identifier: MIT */
/*
 * Where the devices' sections end: the last section's end mark, the stream's,
 * and the begin of a JSON text of a length that is there. At most one such
 * place is under consideration: a later one has a zero byte, so what came
 * before it was no text.
 */
#include "qemu/stream_parts.h"

#include <errno.h>

#include <smudge/error.h>

#include "qemu/stream.h"
#include "qemu/vmdesc.h"

#define FOOTER_MARK	 0x7e
#define SECTION_EOF	 0x00
#define DESCRIPTION_MARK 0x06
#define MAX_TEXT_BYTES	 ((size_t)16 << 20)
/* The last section's end mark, the stream's, the description's mark, length. */
#define BEFORE_TEXT_BYTES (5 + 1 + 5)

static bool is_json_byte(uint8_t byte)
{
	return (byte >= 0x20 && byte < 0x7f) || byte == '\n' || byte == '\t' ||
	       byte == '\r';
}

/* May a description begin at @at, where a brace is? */
static void consider(struct qemu_stream *stream, size_t at)
{
	struct qemu_cursor cursor = {
		.bytes = stream->bytes,
		.at = at - BEFORE_TEXT_BYTES,
		.length = stream->length,
	};
	bool is_marked = qemu_cursor_number(&cursor, 1) == FOOTER_MARK;
	size_t length;

	qemu_cursor_skip(&cursor, 4);
	is_marked &= qemu_cursor_number(&cursor, 1) == SECTION_EOF;
	is_marked &= qemu_cursor_number(&cursor, 1) == DESCRIPTION_MARK;
	length = (size_t)qemu_cursor_number(&cursor, 4);
	if (!is_marked || length > MAX_TEXT_BYTES ||
	    length <= stream->pipe_bytes + 1)
		return;
	stream->text_at = at;
	stream->text_length = length;
}

static void look_at(struct qemu_stream *stream, size_t at)
{
	if (!is_json_byte(stream->bytes[at]))
		stream->text_at = 0;
	else if (stream->bytes[at] == '{' && !stream->text_at &&
		 at >= stream->devices_at + BEFORE_TEXT_BYTES)
		consider(stream, at);
}

static enum qemu_vmdesc_fit fit(const struct qemu_stream *stream,
				size_t max_devices)
{
	const struct qemu_vmdesc description = {
		.text = (const char *)stream->bytes + stream->text_at,
		.known_length = stream->length - stream->text_at,
		.sections = stream->bytes + stream->devices_at,
		/* without the stream's end mark */
		.sections_length = stream->text_at - stream->devices_at - 6,
	};

	return qemu_vmdesc_fit(&description, max_devices);
}

static int say_wrong(struct smudge_error *err)
{
	return smudge_error_set(err, -EBADMSG, QEMU_STREAM_NAME,
				"QEMU's description of its devices does not "
				"fit the state that it wrote");
}

/*
 * All of a description that may be read is there: is it one? If it begins as
 * the right one would and is wrong, reading on is too dangerous: with the last
 * bytes of the right one QEMU's migration completes. All of it is compared when
 * the machine runs again (qemu_stream_verify).
 */
static int judge(struct qemu_stream *stream, struct smudge_error *err)
{
	switch (fit(stream, 1)) {
	case QEMU_VMDESC_FITS:
		stream->is_whole = true;
		return 0;
	case QEMU_VMDESC_NONE:
		stream->text_at = 0;
		return 0;
	default:
		return say_wrong(err);
	}
}

int qemu_stream_verify(const struct qemu_stream *stream,
		       struct smudge_error *err)
{
	return fit(stream, SIZE_MAX) == QEMU_VMDESC_FITS ? 0 : say_wrong(err);
}

int qemu_stream_devices(struct qemu_stream *stream, struct smudge_error *err)
{
	int ret = 0;

	while (!ret && !stream->is_whole && stream->at < stream->length) {
		look_at(stream, stream->at++);
		if (stream->text_at && stream->at == stream->length &&
		    stream->length >= qemu_stream_whole(stream))
			ret = judge(stream, err);
	}
	return ret;
}
