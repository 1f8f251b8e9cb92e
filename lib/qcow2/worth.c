/* SPDX-License-Identifier: MIT */
/*
 * Does a page look as if it compressed?
 */
#include "qcow2/worth.h"

#include <stdint.h>
#include <string.h>

#include "qcow2/format.h"

#define SAMPLES 256
/* Pieces of 8 bytes, evenly over the page. */
#define PIECE	 8
#define DISTANCE (SMI_QCOW2_PAGE_BYTES / (SAMPLES / PIECE))

/*
 * Over six standard deviations: a page of random bytes is above it once in
 * five million times. Bytes with 7.3 bits of entropy each have that many pairs:
 * they would become 10 % smaller, which does not pay either.
 */
#define MOST_RANDOM_PAIRS 200

bool smi_qcow2_is_worth_compressing(const void *page)
{
	const uint8_t *bytes = page;
	uint8_t count[256];
	unsigned int pairs = 0;

	memset(count, 0, sizeof(count));
	for (size_t at = 0; at < SMI_QCOW2_PAGE_BYTES; at += DISTANCE) {
		for (size_t i = 0; i < PIECE; i++)
			pairs += count[bytes[at + i]]++;
		if (pairs > MOST_RANDOM_PAIRS)
			return true;
	}
	return false;
}
