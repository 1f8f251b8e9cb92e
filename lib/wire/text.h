/* SPDX-License-Identifier: MIT */
/*
 * Text from the peer, made fit for a terminal.
 */
#ifndef LIB_WIRE_TEXT_H
#define LIB_WIRE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * smi_wire_text - copy @length bytes as a string
 *
 * Bytes outside 0x20 to 0x7e become '?'. The string is cut to fit in @size.
 */
static inline void smi_wire_text(char *text, size_t size, const void *bytes,
				 size_t length)
{
	const uint8_t *from = bytes;
	size_t n = length < size - 1 ? length : size - 1;

	for (size_t i = 0; i < n; i++)
		text[i] = from[i] >= 0x20 && from[i] <= 0x7e ? (char)from[i]
							     : '?';
	text[n] = '\0';
}

#endif
