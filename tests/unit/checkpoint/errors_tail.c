/* SPDX-License-Identifier: MIT */
/*
 * Tails whose checksums are right and whose content is not: each is refused
 * with the sentence for it, and so is what a later version may have written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/layer_format.h"
#include "checkpoint/place.h"
#include "checkpoint/tail.h"
#include "common/little_endian.h"
#include "layer_rig.h"

/* Two regions of one name's length: each section has 32 + 8 + 24 bytes. */
#define REGION_BYTES (SMI_SECTION_HEADER_BYTES + 32 + 8 + 24)
#define STATS	     (2 * REGION_BYTES)
#define BLOB	     (STATS + SMI_SECTION_HEADER_BYTES + SMI_STATS_BYTES)
#define BLOB_BYTES   (SMI_SECTION_HEADER_BYTES + 8 + 8 + 8)
#define END	     (BLOB + 2 * BLOB_BYTES)
#define EXTENT	     (SMI_SECTION_HEADER_BYTES + 32 + 8)

static const struct wrong {
	const char *sentence;
	size_t at, nbytes; /* in the tail */
	uint64_t value;
	int error;
} wrongs[] = {
	{"type 77", 0, 4, 77, -EPROTONOSUPPORT},
	{"flags", 4, 4, 2, -EPROTONOSUPPORT},
	{"cut off", 8, 8, UINT64_MAX, -EBADMSG},
	{"cut off", 8, 8, 4096, -EBADMSG},
	{"cut off", 8, 8, 31, -EBADMSG},
	{"page size", 20, 4, 11, -EBADMSG},
	{"page size", 20, 4, 31, -EBADMSG},
	{"page size", 20, 4, UINT32_MAX, -EBADMSG},
	{"begins within", 24, 8, 1, -EBADMSG},
	{"beyond 2^64", 24, 8, UINT64_MAX - 4095, -EBADMSG},
	{"before the one before", 24, 8, 4096 * 1024, -EBADMSG},
	{"before the one before", REGION_BYTES + 24, 8, 4096 * 999, -EBADMSG},
	{"empty", 32, 8, 0, -EBADMSG},
	{"within a page", 32, 8, 4095, -EBADMSG},
	{"not cover", 32, 8, 4096 * 1001, -EBADMSG},
	{"longer than", 32, 8, 4096 * 999, -EBADMSG},
	{"no name", 40, 4, 0, -EBADMSG},
	{"no name", 40, 4, 64, -EBADMSG},
	{"no name", 40, 4, 2, -EBADMSG}, /* the padding is not zero */
	{"no name", 48, 1, 0, -EBADMSG},
	{"not as many", 44, 4, 2, -EBADMSG},
	{"not as many", 44, 4, 0, -EBADMSG},
	{"not as many", 44, 4, UINT32_MAX, -EBADMSG},
	{"one name", REGION_BYTES + 49, 1, 'a', -EBADMSG},
	{"empty or longer", EXTENT, 8, 0, -EBADMSG},
	{"empty or longer", EXTENT, 8, UINT64_MAX, -EBADMSG},
	{"share a page", EXTENT + 8, 8, 1, -EBADMSG},
	{"share a page", EXTENT + 16, 8, 999, -EBADMSG},
	{"beyond the disk", EXTENT + 8, 8, 1 << 20, -EBADMSG},
	{"beyond the disk", EXTENT + 8, 8, UINT64_MAX, -EBADMSG},
	{"beyond the disk", EXTENT + 16, 8, UINT64_MAX - 1, -EBADMSG},
	{"share a page", REGION_BYTES + EXTENT + 16, 8, 1008,
	 -EBADMSG}, /* the tail's */
	{"beyond the disk", REGION_BYTES + EXTENT + 16, 8, 1009,
	 -EBADMSG}, /* the footer */
	{"statistics are cut", STATS + 8, 8, 48, -EBADMSG},
	{"statistics twice", BLOB, 4, SMI_SECTION_STATS, -EBADMSG},
	{"blob is cut", BLOB + 16, 4, 0, -EBADMSG},
	{"blob is cut", BLOB + 20, 4, 1, -EBADMSG},
	{"two blobs", BLOB + BLOB_BYTES + 24, 1, 'a', -EBADMSG},
	{"a section is cut", BLOB + 8, 8, 20, -EBADMSG}, /* padding */
	{"flags or a length", END + 4, 4, 1, -EBADMSG},
	{"flags or a length", END + 8, 8, 1, -EBADMSG},
	{"bytes follow", END + 16, 1, 1, -EBADMSG},
	{"bytes follow", 4095, 1, 1, -EBADMSG},
};

static uint8_t *tail;
static struct smi_layer layer;

static int set_up(void **state)
{
	struct smi_place_fresh *fresh;
	size_t nfresh, npages;

	rig_layer_make(&layer, 2, 2);
	rig_region(&layer, 0, "ram", 0, 1000);
	rig_region(&layer, 1, "rom", 1024, 3);
	rig_blob(&layer, 0, "a", "12345678", 8);
	rig_blob(&layer, 1, "b", "87654321", 8);
	if (smi_place_regions(NULL, &layer, &fresh, &nfresh, NULL) < 0 ||
	    smi_tail_encode(&layer, &tail, &npages, NULL) < 0)
		return -1;
	free(fresh);
	smi_place_tail(NULL, &layer, npages);
	assert_int_equal(layer.tail_page, 1003 + 4 + 1);
	assert_int_equal(layer.disk_npages, 1010);
	return 0;
}

static int tear_down(void **state)
{
	smi_layer_clear(&layer);
	free(tail);
	return 0;
}

/* The sums are made right; then what do they say? */
static int decode(const uint8_t *bytes, struct smudge_error *err)
{
	uint8_t page[RIG_PAGE_BYTES];
	struct smi_footer footer;
	struct smi_layer back;
	int ret;

	smudge_error_clear(err);
	smi_footer_encode(&layer, bytes, page);
	ret = smi_footer_decode(page, layer.disk_npages, &footer, err);
	if (ret == 0)
		ret = smi_tail_decode(&footer, bytes, layer.disk_npages, &back,
				      err);
	if (ret == 0)
		smi_layer_clear(&back);
	return ret;
}

static void each_has_its_sentence(void **state)
{
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const struct wrong *w = &wrongs[i];
		uint8_t bytes[RIG_PAGE_BYTES];
		struct smudge_error err;

		memcpy(bytes, tail, sizeof(bytes));
		little_endian_put(bytes + w->at, w->value, w->nbytes);
		if (decode(bytes, &err) != w->error ||
		    !strstr(err.message, w->sentence))
			fail_msg("case %zu, %s: %d, %s", i, w->sentence,
				 err.code, err.message);
	}
}

/* Behind its end a tail has sections of a later library. */
static void unknown_sections_are_skipped_where_they_may(void **state)
{
	uint8_t bytes[RIG_PAGE_BYTES];
	struct smudge_error err;

	memcpy(bytes, tail, sizeof(bytes));
	little_endian_put(bytes + END, 99, 4);
	little_endian_put(bytes + END + 4, SMI_SECTION_MAY_SKIP, 4);
	little_endian_put(bytes + END + 8, 3, 8);
	memcpy(bytes + END + 16, "new", 3);
	assert_int_equal(decode(bytes, &err), 0);
	little_endian_put(bytes + END + 4, 0, 4);
	assert_int_equal(decode(bytes, &err), -EPROTONOSUPPORT);
}

/* A last section that reaches the end of the last page: no end follows. */
static void an_end_is_wanted(void **state)
{
	uint8_t bytes[RIG_PAGE_BYTES];
	struct smudge_error err;

	memcpy(bytes, tail, sizeof(bytes));
	little_endian_put(bytes + END, 99, 4);
	little_endian_put(bytes + END + 4, SMI_SECTION_MAY_SKIP, 4);
	little_endian_put(bytes + END + 8, sizeof(bytes) - END - 16, 8);
	assert_int_equal(decode(bytes, &err), -EBADMSG);
	assert_non_null(strstr(err.message, "cut off"));
}

/* A later version of the footer, with its checksum right. */
static void later_versions_are_named(void **state)
{
	uint8_t page[RIG_PAGE_BYTES];
	struct smi_qcow2_digest sum;
	struct smi_footer footer;
	struct smudge_error err = SMUDGE_ERROR_INIT;

	smi_footer_encode(&layer, tail, page);
	little_endian_put(page + SMI_FOOTER_VERSION, 2, 4);
	sum = smi_tail_checksum(page, SMI_FOOTER_SUM);
	little_endian_put(page + SMI_FOOTER_SUM, sum.low, 8);
	little_endian_put(page + SMI_FOOTER_SUM + 8, sum.high, 8);
	assert_int_equal(
		smi_footer_decode(page, layer.disk_npages, &footer, &err),
		-EPROTONOSUPPORT);
	assert_non_null(strstr(err.message, "version 2"));
}

TEST_MAIN_WITH(set_up, tear_down, each_has_its_sentence,
	       unknown_sections_are_skipped_where_they_may, an_end_is_wanted,
	       later_versions_are_named)
