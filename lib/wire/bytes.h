/* SPDX-License-Identifier: MIT */
/*
 * Little-endian integers, to and from bytes, on any host.
 */
#ifndef LIB_WIRE_BYTES_H
#define LIB_WIRE_BYTES_H

#include <stdint.h>

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

#endif
