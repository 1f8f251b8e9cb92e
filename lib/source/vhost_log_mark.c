/* SPDX-License-Identifier: MIT */
/*
 * A back end's side of the vhost log. Bytes, not words: a log may have any size
 * and be mapped anywhere, and an atomic OR of a byte and the VMM's exchange of
 * the word around it exclude each other on every processor of Linux.
 */
#include <smudge/vhost_log.h>

#include <errno.h>
#include <stdatomic.h>

#include "common/range.h"

int smudge_vhost_log_mark(void *log, uint64_t log_bytes, uint64_t gpa,
			  uint64_t length_bytes)
{
	_Atomic uint8_t *bytes = log;
	uint64_t page = gpa / SMUDGE_VHOST_LOG_PAGE_BYTES;
	uint64_t last;

	if (!length_bytes)
		return 0;
	last = range_last(gpa, length_bytes) / SMUDGE_VHOST_LOG_PAGE_BYTES;
	while (page <= last && page / 8 < log_bytes) {
		uint64_t in_byte = min_u64(8 - page % 8, last - page + 1);
		unsigned int mask = ((1u << in_byte) - 1) << page % 8;

		/* Release: pairs with the acquires in fetch_word. */
		atomic_fetch_or_explicit(&bytes[page / 8], (uint8_t)mask,
					 memory_order_release);
		page += in_byte;
	}
	return page <= last ? -EINVAL : 0;
}
