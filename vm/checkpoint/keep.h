/* SPDX-License-Identifier: MIT */
/*
 * Which layers are kept (smudge/prune.h); all zeros: all.
 */
#ifndef VM_CHECKPOINT_KEEP_H
#define VM_CHECKPOINT_KEEP_H

#include <stdbool.h>
#include <stdint.h>

struct checkpoint_keep {
	uint64_t last, hourly, daily, weekly; /* 0: not given */
	uint64_t garbage_percent;	      /* 0 and has_garbage: merge all */
	bool has_garbage;
};

static inline bool checkpoint_keep_is_any(const struct checkpoint_keep *keep)
{
	return keep->last || keep->hourly || keep->daily || keep->weekly;
}

#endif
