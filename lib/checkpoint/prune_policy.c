/* SPDX-License-Identifier: MIT */
/*
 * Periods in descending order, and the last moment of each.
 */
#include "checkpoint/prune_policy.h"

#include <errno.h>
#include <stdlib.h>

#include "common/range.h"

#define HOUR_NS (UINT64_C(3600) * 1000000000)
#define DAY_NS	(24 * HOUR_NS)
#define WEEK_NS (7 * DAY_NS)
/* The first of January 1970 was a Thursday: three days after a Monday. */
#define MONDAY_NS (3 * DAY_NS)

/* A moment, as one of its period. */
struct member {
	uint64_t period;
	size_t moment; /* index */
};

/* The latest period first; in it the last moment. */
static int compare(const void *left, const void *right)
{
	const struct member *a = left, *b = right;

	if (a->period != b->period)
		return a->period < b->period ? 1 : -1;
	return a->moment < b->moment ? 1 : -1;
}

static uint64_t period_of(uint64_t time_ns, uint64_t period_ns)
{
	uint64_t since_ns = period_ns == WEEK_NS ? MONDAY_NS : 0;

	/* The clock's end is in a year that is far away. */
	return time_ns > UINT64_MAX - since_ns
		       ? UINT64_MAX / period_ns
		       : (time_ns + since_ns) / period_ns;
}

static void keep_periods(uint64_t period_ns, uint64_t nperiods,
			 struct smi_prune_moment *moments,
			 struct member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		members[i] = (struct member){
			.period = period_of(moments[i].time_ns, period_ns),
			.moment = i,
		};
	qsort(members, n, sizeof(*members), compare);
	for (size_t i = 0; i < n && nperiods; i++) {
		if (i && members[i].period == members[i - 1].period)
			continue;
		moments[members[i].moment].is_kept = true;
		nperiods--;
	}
}

int smi_prune_policy_apply(const struct smi_prune_policy *policy,
			   struct smi_prune_moment *moments, size_t n)
{
	size_t nlast = (size_t)min_u64(max_u64(policy->keep_last, 1), n);
	struct member *members = calloc(n + 1, sizeof(*members));

	if (!members)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		moments[i].is_kept = i >= n - nlast;
	keep_periods(HOUR_NS, policy->keep_hourly, moments, members, n);
	keep_periods(DAY_NS, policy->keep_daily, moments, members, n);
	keep_periods(WEEK_NS, policy->keep_weekly, moments, members, n);
	free(members);
	return 0;
}
