/* SPDX-License-Identifier: MIT */
/*
 * A growing byte buffer, a store and a bounded reader, all little-endian.
 *
 * The reader never reads outside its bytes: after the first short read every
 * further read gives 0 and `failed` stays set, so a decoder checks once, at
 * its end. The buffer's first failure sticks the same way.
 */
#ifndef VM_BASE_BYTES_H
#define VM_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_buf {
	uint8_t *bytes;
	size_t len;
	size_t cap;
	bool failed; /* an allocation failed; len is meaningless */
};

struct vm_reader {
	const uint8_t *bytes;
	size_t len;
	size_t pos;
	bool failed;
};

void vm_buf_free(struct vm_buf *buf); /* leaves an empty, usable buffer */
void vm_buf_put(struct vm_buf *buf, const void *bytes, size_t len);
void vm_buf_put8(struct vm_buf *buf, uint8_t value);
void vm_buf_put16(struct vm_buf *buf, uint16_t value);
void vm_buf_put32(struct vm_buf *buf, uint32_t value);
void vm_buf_put64(struct vm_buf *buf, uint64_t value);
/* Overwrite four bytes already written, for a length known only afterwards. */
void vm_buf_patch32(struct vm_buf *buf, size_t pos, uint32_t value);

/* Eight bytes at @at, which need not be aligned. */
void vm_store64(uint8_t *at, uint64_t value);

/* A pointer to @len bytes inside the reader, or NULL when they are short. */
const uint8_t *vm_read(struct vm_reader *reader, size_t len);
uint8_t vm_read8(struct vm_reader *reader);
uint16_t vm_read16(struct vm_reader *reader);
uint32_t vm_read32(struct vm_reader *reader);
uint64_t vm_read64(struct vm_reader *reader);

#endif
