/* SPDX-License-Identifier: MIT */
/*
 * Ranges (first, n) of 64-bit numbers, which may reach beyond the last number,
 * and the smaller or larger of two numbers.
 */
#ifndef COMMON_RANGE_H
#define COMMON_RANGE_H

#include <stdint.h>

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The last number of a range that is not empty, UINT64_MAX at most. */
static inline uint64_t range_last(uint64_t first, uint64_t n)
{
	return n - 1 > UINT64_MAX - first ? UINT64_MAX : first + n - 1;
}

/* The number behind a range, UINT64_MAX at most. */
static inline uint64_t range_end(uint64_t first, uint64_t n)
{
	return n > UINT64_MAX - first ? UINT64_MAX : first + n;
}

#endif
