/* SPDX-License-Identifier: MIT */
/*
 * Big-endian numbers of 1 to 8 bytes in memory, which need not be aligned, on
 * any host.
 */
#ifndef COMMON_BIG_ENDIAN_H
#define COMMON_BIG_ENDIAN_H

#include <stdint.h>

/* Store the lowest @nbytes bytes of @value. */
static inline void big_endian_put(uint8_t *bytes, uint64_t value,
				  unsigned int nbytes)
{
	for (unsigned int i = 0; i < nbytes; i++)
		bytes[i] = (uint8_t)(value >> (8 * (nbytes - 1 - i)));
}

static inline uint64_t big_endian_get(const uint8_t *bytes, unsigned int nbytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < nbytes; i++)
		value = value << 8 | bytes[i];
	return value;
}

#endif
