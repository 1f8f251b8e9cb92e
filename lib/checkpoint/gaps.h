/* SPDX-License-Identifier: MIT */
/*
 * Free places of a layer's virtual disk: the gaps between what is used, and the
 * endless rest behind it.
 */
#ifndef LIB_CHECKPOINT_GAPS_H
#define LIB_CHECKPOINT_GAPS_H

#include <stddef.h>
#include <stdint.h>

#include "checkpoint/spans.h"

/* A disk of 2^51 pages has 2^63 bytes. */
#define SMI_GAPS_MAX_PAGES (UINT64_C(1) << 51)

struct smi_gaps {
	struct smi_span *gaps; /* owned; ascending */
	size_t ngaps;
	uint64_t too_long; /* no gap has so many pages */
	uint64_t end_page; /* behind all that is used */
};

/* The gaps of a layer: those that its extents leave. Return: 0, -ENOMEM. */
int smi_gaps_open(const struct smi_layer *layer, struct smi_gaps *ret_gaps);
void smi_gaps_close(struct smi_gaps *gaps);

/*
 * smi_gaps_take - use the first place that has @npages together
 * Return: its first page, or UINT64_MAX when the disk would be too long.
 */
uint64_t smi_gaps_take(struct smi_gaps *gaps, uint64_t npages);

#endif
