/* SPDX-License-Identifier: MIT */
/*
 * Plain memory that a guest, the kernel or another thread writes while a test
 * reads it, or the other way round. Relaxed: what orders such a store is a
 * mark, a fault or a ring's index, never the store itself.
 */
#ifndef TESTS_SUPPORT_RACING_H
#define TESTS_SUPPORT_RACING_H

#include <stdatomic.h>
#include <stdint.h>

static inline uint32_t racing_load(const void *word)
{
	return atomic_load_explicit((const _Atomic uint32_t *)word,
				    memory_order_relaxed);
}

static inline void racing_store(void *word, uint32_t value)
{
	atomic_store_explicit((_Atomic uint32_t *)word, value,
			      memory_order_relaxed);
}

static inline uint8_t racing_load_byte(const void *byte)
{
	return atomic_load_explicit((const _Atomic uint8_t *)byte,
				    memory_order_relaxed);
}

static inline void racing_store_byte(void *byte, uint8_t value)
{
	atomic_store_explicit((_Atomic uint8_t *)byte, value,
			      memory_order_relaxed);
}

#endif
