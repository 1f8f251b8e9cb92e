/* SPDX-License-Identifier: MIT */
/*
 * Digests of pages.
 */
#include "qcow2/digest.h"

#include <xxhash.h>

#include "qcow2/format.h"
#include "sys/page.h"

/*
 * The best variant for the processor, with AVX2 in less than half the time. For
 * x86 libxxhash.so has it, beside the header of its dispatch; the archive may
 * not.
 */
XXH128_hash_t XXH3_128bits_withSeed_dispatch(const void *, size_t, XXH64_hash_t)
	__attribute__((weak));

static XXH128_hash_t hash_of(uint64_t page, const void *bytes)
{
	if (XXH3_128bits_withSeed_dispatch)
		return XXH3_128bits_withSeed_dispatch(
			bytes, SMI_QCOW2_PAGE_BYTES, page);
	return XXH3_128bits_withSeed(bytes, SMI_QCOW2_PAGE_BYTES, page);
}

struct smi_qcow2_digest smi_qcow2_digest(uint64_t page, const void *bytes)
{
	XXH128_hash_t hash;

	if (smi_sys_page_is_zero(bytes, SMI_QCOW2_PAGE_BYTES))
		return (struct smi_qcow2_digest){0};
	hash = hash_of(page, bytes);
	if (!hash.low64 && !hash.high64)
		hash.low64 = 1;
	return (struct smi_qcow2_digest){.low = hash.low64,
					 .high = hash.high64};
}
