/* SPDX-License-Identifier: MIT */
/*
 * Sources that detect writes to memory of this process.
 */
#ifndef LIB_SOURCE_RANGE_CHECK_H
#define LIB_SOURCE_RANGE_CHECK_H

#include <errno.h>

#include <smudge/source_ops.h>

/* 0, or -EOPNOTSUPP and a sentence: the region is not mapped here. */
static inline int smi_range_check_hva(const struct smudge_source_range *range,
				      const char *where,
				      struct smudge_error *err)
{
	if (range->hva)
		return 0;
	return smudge_error_set(err, -EOPNOTSUPP, where,
				"it detects writes to memory that this process "
				"maps, and the region has no hva");
}

#endif
