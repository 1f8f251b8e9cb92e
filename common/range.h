/* SPDX-License-Identifier: MIT */
/*
 * Ranges (first, n) of 64-bit numbers, which may reach beyond the last number,
 * the smaller or larger of two numbers, and numbers that saturate.
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

/* A number that is not below 0, UINT64_MAX at most; 0 for what is none. */
static inline uint64_t u64_from_double(double number)
{
	if (!(number > 0))
		return 0;
	return number < 0x1p64 ? (uint64_t)number : UINT64_MAX;
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
