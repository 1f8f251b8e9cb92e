/* SPDX-License-Identifier: MIT */
/*
 * A disk that would be too long, and memory that is missing: the layer has no
 * extents afterwards, and the next attempt succeeds.
 */
#include <errno.h>
#include <stdlib.h>

#include "checkpoint/place.h"
#include "fail_memory.h"
#include "layer_rig.h"

static void a_disk_has_an_end(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_place_fresh *fresh;
	struct smi_layer layer;
	size_t nfresh;

	rig_layer_make(&layer, 2, 0);
	rig_region(&layer, 0, "a", 0, UINT64_C(1) << 50);
	rig_region(&layer, 1, "b", UINT64_C(1) << 50, UINT64_C(1) << 50);
	assert_int_equal(smi_place_regions(NULL, &layer, &fresh, &nfresh, &err),
			 -E2BIG);
	assert_int_equal(err.code, -E2BIG);
	assert_null(layer.regions[0].extents);
	assert_int_equal(layer.regions[0].nextents, 0);
	layer.nregions = 1;
	assert_int_equal(smi_place_regions(NULL, &layer, &fresh, &nfresh, NULL),
			 0);
	free(fresh);
	smi_layer_clear(&layer);
}

static void memory_may_be_missing(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_place_fresh *fresh;
	struct smi_layer layer;
	unsigned int nfailed = 0;
	size_t nfresh;
	int ret = -ENOMEM;

	rig_layer_make(&layer, 1, 0);
	rig_region(&layer, 0, "a", 0, 5);
	while (ret < 0) {
		fail_memory_at(++nfailed);
		ret = smi_place_regions(NULL, &layer, &fresh, &nfresh, &err);
		fail_memory_off();
		assert_true(ret == 0 || ret == -ENOMEM);
		assert_true(ret == 0 || !layer.regions[0].extents);
	}
	assert_int_equal(nfailed, 4);
	free(fresh);
	smi_layer_clear(&layer);
}

TEST_MAIN(a_disk_has_an_end, memory_may_be_missing)
