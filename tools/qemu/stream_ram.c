/* SPDX-License-Identifier: MIT */
/*
 * The begin of the stream, and the section "ram": the list of the memory's
 * blocks, and the pages of those that are not shared (ROMs, video memory). A
 * page's bytes are the guest's and are passed over by their number, so nothing
 * in them is ever taken for a part of the stream.
 */
#include "qemu/stream_parts.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#include "qemu/backends.h"

#define NAME QEMU_STREAM_NAME

#define MAGIC		   0x5145564d /* QEVM */
#define VERSION		   3
#define CONFIGURATION_MARK 0x07
#define SUBSECTION_MARK	   0x05
#define MIN_PAGE_BITS	   10
#define MAX_PAGE_BITS	   20
#define MAX_CAPABILITIES   1024
#define UUID_BYTES	   16
#define OBJECTS		   "/objects/" /* of names up to QEMU 3.1 */

/* Flags in the low bits of a page's offset. */
#define RAM_ZERO	0x02u
#define RAM_BLOCKS	0x04u
#define RAM_PAGE	0x08u
#define RAM_END		0x10u
#define RAM_SAME_BLOCK	0x20u
#define RAM_FLUSH	0x200u
#define RAM_FLAGS_BELOW 0x400u

int qemu_stream_header(struct qemu_stream *stream, struct qemu_cursor *cursor,
		       struct smudge_error *err)
{
	uint64_t magic = qemu_cursor_number(cursor, 4);
	uint64_t version = qemu_cursor_number(cursor, 4);

	if (cursor->is_short)
		return 0;
	if (magic != MAGIC || version != VERSION)
		return smudge_error_set(err, -EBADMSG, NAME,
					"what QEMU writes is no migration "
					"stream of version %d",
					VERSION);
	stream->phase = QEMU_STREAM_CONFIGURATION;
	return 0;
}

static bool is_text(const char *text, size_t length, const char *other)
{
	return text && length == strlen(other) &&
	       memcmp(text, other, length) == 0;
}

static int read_capabilities(struct qemu_cursor *cursor,
			     struct smudge_error *err)
{
	uint64_t n = qemu_cursor_number(cursor, 4);
	bool is_shared = false;

	if (n > MAX_CAPABILITIES)
		return smudge_error_set(err, -EBADMSG, NAME,
					"QEMU's stream names %llu capabilities",
					(unsigned long long)n);
	for (uint64_t i = 0; i < n && !cursor->is_short; i++) {
		size_t length;
		const char *text = qemu_cursor_text(cursor, &length);

		is_shared |= is_text(text, length, "x-ignore-shared");
	}
	if (cursor->is_short || is_shared)
		return 0;
	return smudge_error_set(err, -EOPNOTSUPP, NAME,
				"QEMU's stream was not made with the "
				"capability x-ignore-shared");
}

static int read_page_bits(struct qemu_stream *stream,
			  struct qemu_cursor *cursor, struct smudge_error *err)
{
	uint64_t bits = qemu_cursor_number(cursor, 4);

	if (cursor->is_short)
		return 0;
	if (bits < MIN_PAGE_BITS || bits > MAX_PAGE_BITS)
		return smudge_error_set(err, -EBADMSG, NAME,
					"QEMU's stream has pages of 2^%llu "
					"bytes",
					(unsigned long long)bits);
	stream->page_bytes = (uint64_t)1 << bits;
	return 0;
}

static int read_subsection(struct qemu_stream *stream,
			   struct qemu_cursor *cursor, struct smudge_error *err)
{
	size_t length;
	const char *name;

	qemu_cursor_skip(cursor, 1);
	name = qemu_cursor_text(cursor, &length);
	qemu_cursor_skip(cursor, 4); /* its version */
	if (cursor->is_short)
		return 0;
	if (is_text(name, length, "configuration/capabilities"))
		return read_capabilities(cursor, err);
	if (is_text(name, length, "configuration/target-page-bits"))
		return read_page_bits(stream, cursor, err);
	if (is_text(name, length, "configuration/uuid")) {
		qemu_cursor_skip(cursor, UUID_BYTES);
		return 0;
	}
	return smudge_error_set(err, -EOPNOTSUPP, NAME,
				"the part %.*s of QEMU's stream is not known",
				(int)length, name);
}

/* The next byte, which stays; 0 if there is none yet. */
static uint8_t peek(struct qemu_cursor *cursor)
{
	struct qemu_cursor ahead = *cursor;
	uint8_t byte = (uint8_t)qemu_cursor_number(&ahead, 1);

	cursor->is_short = ahead.is_short;
	return byte;
}

int qemu_stream_configuration(struct qemu_stream *stream,
			      struct qemu_cursor *cursor,
			      struct smudge_error *err)
{
	int ret = 0;

	if (peek(cursor) == CONFIGURATION_MARK) {
		qemu_cursor_skip(cursor, 1);
		qemu_cursor_skip(cursor, (size_t)qemu_cursor_number(cursor, 4));
		while (!ret && peek(cursor) == SUBSECTION_MARK)
			ret = read_subsection(stream, cursor, err);
	}
	if (!ret && !cursor->is_short)
		stream->phase = QEMU_STREAM_SECTION;
	return ret;
}

/* Each block: its name, its length, and as x-ignore-shared is on, its gpa. */
static int read_blocks(struct qemu_cursor *cursor, uint64_t total_bytes,
		       struct smudge_error *err)
{
	while (total_bytes && !cursor->is_short) {
		size_t length;
		uint64_t bytes;

		qemu_cursor_text(cursor, &length);
		bytes = qemu_cursor_number(cursor, 8);
		qemu_cursor_skip(cursor, 8);
		if (cursor->is_short)
			return 0;
		if (!bytes || bytes > total_bytes)
			return smudge_error_set(err, -EBADMSG, NAME,
						"the memory's blocks in QEMU's "
						"stream do not add up");
		total_bytes -= bytes;
	}
	return 0;
}

/* The backend whose block has this name; or NULL. */
static const char *find_shared(const struct qemu_stream *stream,
			       const char *name, size_t length)
{
	size_t begin = strlen(OBJECTS);

	if (length > begin && memcmp(name, OBJECTS, begin) == 0) {
		name += begin;
		length -= begin;
	}
	for (size_t i = 0; stream->shared && i < stream->shared->n; i++)
		if (is_text(name, length, stream->shared->places[i].id))
			return stream->shared->places[i].id;
	return NULL;
}

/* The block that a page belongs to, if it is not that of the page before. */
static int read_block(const struct qemu_stream *stream,
		      struct qemu_cursor *cursor, uint64_t flags,
		      struct smudge_error *err)
{
	const char *name, *id;
	size_t length;

	if (flags & RAM_SAME_BLOCK)
		return 0;
	name = qemu_cursor_text(cursor, &length);
	id = name ? find_shared(stream, name, length) : NULL;
	if (!id)
		return 0;
	return smudge_error_set(
		err, -EOPNOTSUPP, NAME,
		"this QEMU saves the memory %.40s with its devices, as later "
		"ones than 8.0 do unless it is a file: start it with -object "
		"memory-backend-file,id=%.40s,size=SIZE,share=on,mem-path="
		"/dev/shm",
		id, id);
}

int qemu_stream_ram(struct qemu_stream *stream, struct qemu_cursor *cursor,
		    struct smudge_error *err)
{
	uint64_t word = qemu_cursor_number(cursor, 8);
	uint64_t flags = word & (RAM_FLAGS_BELOW - 1);
	int ret;

	if (cursor->is_short)
		return 0;
	switch (flags & ~(uint64_t)RAM_SAME_BLOCK) {
	case RAM_BLOCKS:
		return read_blocks(cursor, word & ~(stream->page_bytes - 1),
				   err);
	case RAM_ZERO:
		ret = read_block(stream, cursor, flags, err);
		qemu_cursor_skip(cursor, 1);
		return ret;
	case RAM_PAGE:
		ret = read_block(stream, cursor, flags, err);
		qemu_cursor_skip(cursor, (size_t)stream->page_bytes);
		return ret;
	case RAM_FLUSH:
		return 0;
	case RAM_END:
		stream->phase = QEMU_STREAM_FOOTER;
		return 0;
	default:
		return smudge_error_set(err, -EOPNOTSUPP, NAME,
					"QEMU's stream has a page of kind "
					"0x%llx, which is not known",
					(unsigned long long)flags);
	}
}
