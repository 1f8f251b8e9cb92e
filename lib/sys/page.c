/* SPDX-License-Identifier: MIT */
/*
 * Copies of memory that others write. page.h explains why they are correct.
 */
#include "sys/page.h"

#include <stdint.h>
#include <string.h>

/* Unaligned loads and stores of what every 64-bit processor has. */
typedef uint64_t vector __attribute__((vector_size(16), aligned(1), may_alias));

/* Vectors per turn of the loop: two cache lines. */
#define TURN	   8
#define LINE_BYTES 64

/*
 * Prefetch this far ahead, also beyond the end: after a page a reader mostly
 * reads the next one. An address that is not mapped costs nothing.
 */
#define AHEAD_BYTES 2048

__attribute__((no_sanitize("thread"))) void
smi_sys_page_copy(void *to, const void *from, size_t bytes)
{
	const volatile uint8_t *source = from;
	uint8_t *copy = to;
	size_t at = 0;

	for (; at + TURN * sizeof(vector) <= bytes;
	     at += TURN * sizeof(vector)) {
		const volatile vector *in =
			(const volatile vector *)(source + at);
		vector *out = (vector *)(copy + at);

		__builtin_prefetch((const char *)from + at + AHEAD_BYTES);
		__builtin_prefetch((const char *)from + at + AHEAD_BYTES +
				   LINE_BYTES);
		for (size_t i = 0; i < TURN; i++)
			out[i] = in[i];
	}
	for (; at < bytes; at++)
		copy[at] = source[at];
}

bool smi_sys_page_is_zero(const void *at, size_t bytes)
{
	const uint8_t *byte = at;
	size_t done = 0;
	uint8_t rest = 0;

	for (; done + TURN * sizeof(vector) <= bytes;
	     done += TURN * sizeof(vector)) {
		const vector *in = (const vector *)(byte + done);
		vector some = in[0];

		for (size_t i = 1; i < TURN; i++)
			some |= in[i];
		if (some[0] | some[1])
			return false;
	}
	for (; done < bytes; done++)
		rest |= byte[done];
	return !rest;
}
