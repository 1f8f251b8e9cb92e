/* SPDX-License-Identifier: MIT */
/*
 * Big-endian numbers out of bytes. Beyond the end everything is 0, and is_short
 * says that it happened.
 */
#ifndef TOOLS_QEMU_CURSOR_H
#define TOOLS_QEMU_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qemu_cursor {
	const uint8_t *bytes;
	size_t at;
	size_t length;
	bool is_short;
};

/* The next @n bytes, or NULL. */
static inline const uint8_t *qemu_cursor_skip(struct qemu_cursor *cursor,
					      size_t n)
{
	const uint8_t *bytes = cursor->bytes + cursor->at;

	if (cursor->is_short || n > cursor->length - cursor->at) {
		cursor->is_short = true;
		return NULL;
	}
	cursor->at += n;
	return bytes;
}

/* A number of @nbytes bytes, 8 at most. */
static inline uint64_t qemu_cursor_number(struct qemu_cursor *cursor,
					  unsigned int nbytes)
{
	const uint8_t *bytes = qemu_cursor_skip(cursor, nbytes);
	uint64_t value = 0;

	for (unsigned int i = 0; bytes && i < nbytes; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* Text with its length in a byte before it: not ended by a zero. */
static inline const char *qemu_cursor_text(struct qemu_cursor *cursor,
					   size_t *ret_length)
{
	size_t length = (size_t)qemu_cursor_number(cursor, 1);

	*ret_length = length;
	return (const char *)qemu_cursor_skip(cursor, length);
}

#endif
