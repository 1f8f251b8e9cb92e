/* SPDX-License-Identifier: MIT */
/*
 * Digests of pages.
 */
#include "qcow2/digest.h"

/* The best variant for the processor: with AVX2 in less than half the time. */
#ifdef SMI_HAVE_XXHASH_VARIANTS
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#include "qcow2/format.h"
#include "sys/page.h"

struct smi_qcow2_digest smi_qcow2_digest(uint64_t page, const void *bytes)
{
	XXH128_hash_t hash;

	if (smi_sys_page_is_zero(bytes, SMI_QCOW2_PAGE_BYTES))
		return (struct smi_qcow2_digest){0};
	hash = XXH3_128bits_withSeed(bytes, SMI_QCOW2_PAGE_BYTES, page);
	if (!hash.low64 && !hash.high64)
		hash.low64 = 1;
	return (struct smi_qcow2_digest){.low = hash.low64,
					 .high = hash.high64};
}
