/* SPDX-License-Identifier: MIT */
/*
 * A layer in memory: what it owns is found by name, and freed once.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/layer.h"
#include "support.h"

static void parts_are_found(void **state)
{
	struct smi_layer layer = {.nregions = 2, .nblobs = 2};

	layer.regions = calloc(2, sizeof(*layer.regions));
	layer.blobs = calloc(2, sizeof(*layer.blobs));
	strcpy(layer.regions[1].name, "ram");
	layer.regions[1].extents = calloc(1, sizeof(struct smi_layer_extent));
	strcpy(layer.blobs[1].name, "devices");
	layer.blobs[1].bytes = calloc(1, 9);
	assert_int_equal(smi_layer_find_region(&layer, "ram"), 1);
	assert_int_equal(smi_layer_find_region(&layer, "rom"), 2);
	assert_int_equal(smi_layer_find_blob(&layer, "devices"), 1);
	assert_int_equal(smi_layer_find_blob(&layer, ""), 0);
	assert_int_equal(smi_layer_find_blob(&layer, "x"), 2);
	smi_layer_clear(&layer);
	smi_layer_clear(&layer);
	assert_int_equal(layer.nregions, 0);
	assert_null(layer.blobs);
}

TEST_MAIN(parts_are_found)
