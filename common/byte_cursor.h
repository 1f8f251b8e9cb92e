/* SPDX-License-Identifier: MIT */
/*
 * What a decoder reads bytes of others through: it cannot leave its buffer.
 *
 * A read that asks for more than is left fails the cursor: this read and all
 * later ones return zeros, and byte_cursor_is_done returns false at the end.
 */
#ifndef COMMON_BYTE_CURSOR_H
#define COMMON_BYTE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/little_endian.h"

struct byte_cursor {
	const uint8_t *at;
	size_t left_bytes;
	bool failed; /* a read asked for more than was left */
};

static inline struct byte_cursor byte_cursor(const uint8_t *bytes,
					     size_t length)
{
	return (struct byte_cursor){.at = bytes, .left_bytes = length};
}

/* The next @length bytes, or NULL when fewer are left. */
static inline const uint8_t *byte_cursor_read(struct byte_cursor *cursor,
					      size_t length)
{
	const uint8_t *bytes = cursor->at;

	if (cursor->failed || length > cursor->left_bytes) {
		cursor->failed = true;
		return NULL;
	}
	cursor->at += length;
	cursor->left_bytes -= length;
	return bytes;
}

static inline uint32_t byte_cursor_read_u32(struct byte_cursor *cursor)
{
	const uint8_t *bytes = byte_cursor_read(cursor, 4);

	return bytes ? (uint32_t)little_endian_get(bytes, 4) : 0;
}

static inline uint64_t byte_cursor_read_u64(struct byte_cursor *cursor)
{
	const uint8_t *bytes = byte_cursor_read(cursor, 8);

	return bytes ? little_endian_get(bytes, 8) : 0;
}

/* True when all bytes were read and no read failed. */
static inline bool byte_cursor_is_done(const struct byte_cursor *cursor)
{
	return !cursor->failed && !cursor->left_bytes;
}

#endif
