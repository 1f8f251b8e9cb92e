/* SPDX-License-Identifier: MIT */
/*
 * Little-endian integers, to and from bytes, on any host.
 *
 * A decoder reads through a cursor, which cannot leave its buffer. A read that
 * asks for more than is left fails the cursor: this read and all later ones
 * return zeros, and smi_wire_cursor_done returns false at the end.
 */
#ifndef LIB_WIRE_BYTES_H
#define LIB_WIRE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/little_endian.h"

static inline void smi_wire_put_u32(uint8_t *bytes, uint32_t value)
{
	little_endian_put(bytes, value, 4);
}

static inline void smi_wire_put_u64(uint8_t *bytes, uint64_t value)
{
	little_endian_put(bytes, value, 8);
}

static inline uint32_t smi_wire_get_u32(const uint8_t *bytes)
{
	return (uint32_t)little_endian_get(bytes, 4);
}

static inline uint64_t smi_wire_get_u64(const uint8_t *bytes)
{
	return little_endian_get(bytes, 8);
}

struct smi_wire_cursor {
	const uint8_t *at;
	size_t left_bytes;
	bool failed; /* a read asked for more than was left */
};

static inline struct smi_wire_cursor smi_wire_cursor(const uint8_t *bytes,
						     size_t length)
{
	return (struct smi_wire_cursor){.at = bytes, .left_bytes = length};
}

/* The next @length bytes, or NULL when fewer are left. */
static inline const uint8_t *smi_wire_read(struct smi_wire_cursor *cursor,
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

static inline uint32_t smi_wire_read_u32(struct smi_wire_cursor *cursor)
{
	const uint8_t *bytes = smi_wire_read(cursor, 4);

	return bytes ? smi_wire_get_u32(bytes) : 0;
}

static inline uint64_t smi_wire_read_u64(struct smi_wire_cursor *cursor)
{
	const uint8_t *bytes = smi_wire_read(cursor, 8);

	return bytes ? smi_wire_get_u64(bytes) : 0;
}

/* True when all bytes were read and no read failed. */
static inline bool smi_wire_cursor_done(const struct smi_wire_cursor *cursor)
{
	return !cursor->failed && !cursor->left_bytes;
}

#endif
