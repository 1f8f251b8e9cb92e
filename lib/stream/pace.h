/* SPDX-License-Identifier: MIT */
/*
 * A rate limit: a token bucket, stored as the time from which the next byte
 * may go. Pure arithmetic: the caller brings the time and the limit, which may
 * differ from call to call. A limit of 0 means none.
 */
#ifndef LIB_STREAM_PACE_H
#define LIB_STREAM_PACE_H

#include <stddef.h>
#include <stdint.h>

struct smi_pace {
	uint64_t next_ns; /* from then on the limit allows more */
};

/*
 * smi_pace_take - how many bytes may go now?
 * @length: of what is to be sent, at least 1
 *
 * Return: 1 to @length, which count as sent; 0: none before pace->next_ns.
 */
size_t smi_pace_take(struct smi_pace *pace, uint64_t limit_bytes_ps,
		     uint64_t now_ns, size_t length);

/* What the limit allows at once after a rest. 0: no limit. */
uint64_t smi_pace_burst_bytes(uint64_t limit_bytes_ps);

/*
 * smi_pace_burst_ns - when will the limit allow @bytes at once?
 * @bytes: above smi_pace_burst_bytes(), the time of that much
 * @limit_bytes_ps: not 0
 */
uint64_t smi_pace_burst_ns(const struct smi_pace *pace, uint64_t limit_bytes_ps,
			   uint64_t bytes);

#endif
