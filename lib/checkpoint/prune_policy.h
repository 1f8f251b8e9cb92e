/* SPDX-License-Identifier: MIT */
/*
 * Which moments are kept: the last ones, and the last of each of so many hours,
 * days and weeks. Pure.
 *
 * Hours, days and weeks are counted from 1970 on in UTC, weeks from a Monday
 * on; those without a moment do not count. Which moment is the last one of a
 * period is said by the numbers, not by the clock, which may have been set.
 */
#ifndef LIB_CHECKPOINT_PRUNE_POLICY_H
#define LIB_CHECKPOINT_PRUNE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smi_prune_policy {
	uint64_t keep_last, keep_hourly, keep_daily, keep_weekly;
};

struct smi_prune_moment {
	uint64_t number; /* each once */
	uint64_t time_ns;
	bool is_kept;
};

/*
 * smi_prune_policy_apply - set is_kept of each moment
 * @moments: in ascending numbers; the last one is always kept
 * Return: 0, -ENOMEM.
 */
int smi_prune_policy_apply(const struct smi_prune_policy *policy,
			   struct smi_prune_moment *moments, size_t n);

#endif
