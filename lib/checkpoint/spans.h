/* SPDX-License-Identifier: MIT */
/*
 * Which pages of a layer's virtual disk its regions have: the extents of all of
 * them, and the tables of their digests.
 */
#ifndef LIB_CHECKPOINT_SPANS_H
#define LIB_CHECKPOINT_SPANS_H

#include <stddef.h>
#include <stdint.h>

#include "checkpoint/layer.h"

struct smi_span {
	uint64_t first_page, npages;
};

/*
 * smi_spans_of_layer - all spans of a layer, in ascending order
 * @nmore: spans that the array has room for behind them
 * @ret_spans: owned by the caller
 * Return: 0, -ENOMEM.
 */
int smi_spans_of_layer(const struct smi_layer *layer, size_t nmore,
		       struct smi_span **ret_spans, size_t *ret_nspans);

void smi_spans_sort(struct smi_span *spans, size_t nspans);

#endif
