/* SPDX-License-Identifier: MIT */
/*
 * A token bucket, stored as a time: next_ns moves forward by the time that
 * each slice is worth, and lags behind the clock by BUCKET_NS at most.
 */
#include "stream/pace.h"

#include "common/range.h"

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define BUCKET_NS (50 * NS_PER_MS)
/* What is saved for a burst: less than the bucket holds. */
#define BURST_NS	(40 * NS_PER_MS)
#define SLICES_PER_S	50
#define MAX_SLICE_BYTES (UINT64_C(256) << 10)

static size_t slice_bytes(uint64_t limit_bytes_ps, size_t length)
{
	uint64_t slice =
		min_u64(limit_bytes_ps / SLICES_PER_S, MAX_SLICE_BYTES);

	return min_u64(max_u64(slice, 1), length);
}

size_t smi_pace_take(struct smi_pace *pace, uint64_t limit_bytes_ps,
		     uint64_t now_ns, size_t length)
{
	size_t slice;

	if (!limit_bytes_ps) {
		pace->next_ns = 0;
		return length;
	}
	if (pace->next_ns > now_ns)
		return 0;
	slice = slice_bytes(limit_bytes_ps, length);
	if (pace->next_ns + BUCKET_NS < now_ns)
		pace->next_ns = now_ns - BUCKET_NS;
	pace->next_ns += slice * NS_PER_S / limit_bytes_ps;
	return slice;
}

uint64_t smi_pace_burst_bytes(uint64_t limit_bytes_ps)
{
	return limit_bytes_ps / (NS_PER_S / BURST_NS);
}

uint64_t smi_pace_burst_ns(const struct smi_pace *pace, uint64_t limit_bytes_ps,
			   uint64_t bytes)
{
	double cost_ns = (double)bytes * NS_PER_S / (double)limit_bytes_ps;

	return pace->next_ns +
	       (cost_ns < BURST_NS ? (uint64_t)cost_ns : BURST_NS);
}
