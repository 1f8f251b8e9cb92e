/* SPDX-License-Identifier: MIT */
/*
 * Little-endian numbers of 1 to 8 bytes in memory, which need not be aligned,
 * on any host.
 */
#ifndef COMMON_LITTLE_ENDIAN_H
#define COMMON_LITTLE_ENDIAN_H

#include <stdint.h>

/* Store the lowest @nbytes bytes of @value. */
static inline void little_endian_put(uint8_t *bytes, uint64_t value,
				     unsigned int nbytes)
{
	for (unsigned int i = 0; i < nbytes; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

static inline uint64_t little_endian_get(const uint8_t *bytes,
					 unsigned int nbytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < nbytes; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

#endif
