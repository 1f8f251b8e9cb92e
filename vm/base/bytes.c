/* SPDX-License-Identifier: MIT */
/*
 * Little-endian bytes, in and out. A failure is kept, so encoders and decoders
 * check once, at their end.
 */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "common/little_endian.h"

#define FIRST_CAP 4096

void vm_buf_free(struct vm_buf *buf)
{
	free(buf->bytes);
	*buf = (struct vm_buf){0};
}

static bool reserve(struct vm_buf *buf, size_t len)
{
	size_t cap = buf->cap ? buf->cap : FIRST_CAP;
	uint8_t *bytes;

	if (buf->failed)
		return false;
	if (len <= buf->cap - buf->len)
		return true;
	while (cap - buf->len < len)
		cap *= 2;
	bytes = realloc(buf->bytes, cap);
	if (!bytes) {
		buf->failed = true;
		return false;
	}
	buf->bytes = bytes;
	buf->cap = cap;
	return true;
}

void vm_buf_put(struct vm_buf *buf, const void *bytes, size_t len)
{
	if (!len || !reserve(buf, len))
		return;
	memcpy(buf->bytes + buf->len, bytes, len);
	buf->len += len;
}

static void put_le(struct vm_buf *buf, uint64_t value, unsigned int len)
{
	uint8_t bytes[8];

	little_endian_put(bytes, value, len);
	vm_buf_put(buf, bytes, len);
}

void vm_buf_put8(struct vm_buf *buf, uint8_t value)
{
	put_le(buf, value, 1);
}

void vm_buf_put16(struct vm_buf *buf, uint16_t value)
{
	put_le(buf, value, 2);
}

void vm_buf_put32(struct vm_buf *buf, uint32_t value)
{
	put_le(buf, value, 4);
}

void vm_buf_put64(struct vm_buf *buf, uint64_t value)
{
	put_le(buf, value, 8);
}

void vm_buf_patch32(struct vm_buf *buf, size_t pos, uint32_t value)
{
	if (!buf->failed && pos + 4 <= buf->len)
		little_endian_put(buf->bytes + pos, value, 4);
}

void vm_store64(uint8_t *at, uint64_t value)
{
	little_endian_put(at, value, 8);
}

const uint8_t *vm_read(struct vm_reader *reader, size_t len)
{
	const uint8_t *bytes;

	if (reader->failed || len > reader->len - reader->pos) {
		reader->failed = true;
		return NULL;
	}
	bytes = reader->bytes + reader->pos;
	reader->pos += len;
	return bytes;
}

static uint64_t read_le(struct vm_reader *reader, unsigned int len)
{
	const uint8_t *bytes = vm_read(reader, len);

	return bytes ? little_endian_get(bytes, len) : 0;
}

uint8_t vm_read8(struct vm_reader *reader)
{
	return (uint8_t)read_le(reader, 1);
}

uint16_t vm_read16(struct vm_reader *reader)
{
	return (uint16_t)read_le(reader, 2);
}

uint32_t vm_read32(struct vm_reader *reader)
{
	return (uint32_t)read_le(reader, 4);
}

uint64_t vm_read64(struct vm_reader *reader)
{
	return read_le(reader, 8);
}
