/* SPDX-License-Identifier: MIT */
/*
 * What tells whether a page is the one that was written: its digest, and the
 * digest of a whole moment, which is the sum of its pages' digests.
 *
 * A page's digest is XXH3-128 of its 4096 bytes with its page number of the
 * virtual disk as the seed; of a page of zeros it is 0. A page that is not zero
 * whose digest happened to be 0 has 1 instead. The sum is mod 2^128, so the
 * digest of the next moment is that of this one, less the old digests of the
 * pages that changed, plus their new ones: no other page is read.
 *
 * XXH3 detects accidents, not forgery.
 */
#ifndef LIB_QCOW2_DIGEST_H
#define LIB_QCOW2_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

/* A number of 128 bits; in files little-endian, low first. */
struct smi_qcow2_digest {
	uint64_t low, high;
};

#define SMI_QCOW2_DIGEST_BYTES 16

/* The digest of @bytes (4096 of them, which no thread writes), page @page. */
struct smi_qcow2_digest smi_qcow2_digest(uint64_t page, const void *bytes);

static inline bool smi_qcow2_digest_is_equal(struct smi_qcow2_digest a,
					     struct smi_qcow2_digest b)
{
	return a.low == b.low && a.high == b.high;
}

static inline bool smi_qcow2_digest_is_zero(struct smi_qcow2_digest a)
{
	return !a.low && !a.high;
}

static inline struct smi_qcow2_digest
smi_qcow2_digest_add(struct smi_qcow2_digest a, struct smi_qcow2_digest b)
{
	struct smi_qcow2_digest sum = {a.low + b.low, a.high + b.high};

	sum.high += sum.low < a.low;
	return sum;
}

static inline struct smi_qcow2_digest
smi_qcow2_digest_sub(struct smi_qcow2_digest a, struct smi_qcow2_digest b)
{
	struct smi_qcow2_digest rest = {a.low - b.low, a.high - b.high};

	rest.high -= a.low < b.low;
	return rest;
}

#endif
