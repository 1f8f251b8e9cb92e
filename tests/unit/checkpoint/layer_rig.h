/* SPDX-License-Identifier: MIT */
/*
 * Layers for tests: random ones that are right, and comparing two.
 */
#ifndef TESTS_UNIT_CHECKPOINT_LAYER_RIG_H
#define TESTS_UNIT_CHECKPOINT_LAYER_RIG_H

#include "checkpoint/layer.h"
#include "support.h"

#define RIG_PAGE_BYTES 4096

/* Room for @nregions and @nblobs; the caller adds extents and bytes. */
void rig_layer_make(struct smi_layer *layer, size_t nregions, size_t nblobs);

/* A region of @npages at @gpa_page, without extents. */
void rig_region(struct smi_layer *layer, size_t index, const char *name,
		uint64_t gpa_page, uint64_t npages);
void rig_blob(struct smi_layer *layer, size_t index, const char *name,
	      const void *bytes, size_t length_bytes);

/* All that a tail and a footer hold. */
void rig_check_equal(const struct smi_layer *a, const struct smi_layer *b);

#endif
