/* SPDX-License-Identifier: MIT */
/*
 * A tail and its footer decode to the layer that was encoded, the bytes of
 * version 1 stay as they are, and no flipped bit or cut passes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/layer_info.h"
#include "checkpoint/place.h"
#include "checkpoint/tail.h"
#include "layer_rig.h"

static void make(struct smi_layer *layer)
{
	struct smi_place_fresh *fresh;
	size_t nfresh;

	rig_layer_make(layer, 2, 2);
	rig_region(layer, 0, "ram", 0, 1000);
	rig_region(layer, 1,
		   "a name of sixty-three bytes, which is as long as "
		   "names may be..",
		   1024, 3);
	rig_blob(layer, 0, "devices", "\1\2\3\4\5", 5);
	rig_blob(layer, 1, "empty", "", 0);
	layer->stats = (struct smi_layer_stats){1, 2, 3, 4, 5, 6, 7, 0, 0, 0};
	layer->digest = (struct smi_qcow2_digest){8, UINT64_MAX};
	layer->parent = (struct smi_qcow2_digest){9, 10};
	layer->has_parent = true;
	assert_int_equal(smi_place_regions(NULL, layer, &fresh, &nfresh, NULL),
			 0);
	free(fresh);
}

struct coded {
	uint8_t *tail;
	size_t npages;
	uint8_t footer[RIG_PAGE_BYTES];
};

static void encode(struct smi_layer *layer, struct coded *coded)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	assert_int_equal(
		smi_tail_encode(layer, &coded->tail, &coded->npages, &err), 0);
	smi_place_tail(NULL, layer, coded->npages);
	smi_footer_encode(layer, coded->tail, coded->footer);
}

static int decode(const struct coded *coded, uint64_t disk_npages,
		  struct smi_layer *ret_layer)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_footer footer;
	int ret = smi_footer_decode(coded->footer, disk_npages, &footer, &err);

	if (ret == 0)
		ret = smi_tail_decode(&footer, coded->tail, disk_npages,
				      ret_layer, &err);
	assert_int_equal(err.code, ret);
	assert_true(ret == 0 || err.message[0]);
	return ret;
}

static void what_was_encoded_is_decoded(void **state)
{
	struct smi_layer layer, back;
	struct coded coded;

	make(&layer);
	encode(&layer, &coded);
	assert_int_equal(decode(&coded, layer.disk_npages, &back), 0);
	rig_check_equal(&layer, &back);
	smi_layer_clear(&back);
	smi_layer_clear(&layer);
	free(coded.tail);
}

/* The pauses are told if there were several; else the one is all. */
static void several_pauses(void **state)
{
	struct smi_layer layer, back;
	struct smudge_layer_info info;
	struct coded coded;

	for (uint64_t pauses = 0; pauses <= 3; pauses++) {
		make(&layer);
		if (pauses) {
			layer.stats.pauses = pauses;
			layer.stats.paused_ns = pauses > 1 ? 12 : 2;
			layer.stats.longest_pause_ns = pauses > 1 ? 7 : 2;
		}
		encode(&layer, &coded);
		assert_int_equal(decode(&coded, layer.disk_npages, &back), 0);
		smi_layer_info(&back, 1, &info);
		assert_int_equal(info.pause_ns, 2);
		assert_int_equal(info.pauses, pauses ? pauses : 1);
		assert_int_equal(info.paused_ns, pauses > 1 ? 12 : 2);
		assert_int_equal(info.longest_pause_ns, pauses > 1 ? 7 : 2);
		smi_layer_clear(&back);
		smi_layer_clear(&layer);
		free(coded.tail);
	}
}

static void nothing_is_a_layer_too(void **state)
{
	struct smi_layer layer, back;
	struct coded coded;

	rig_layer_make(&layer, 0, 0);
	encode(&layer, &coded);
	assert_int_equal(layer.disk_npages, 2);
	assert_int_equal(decode(&coded, 2, &back), 0);
	rig_check_equal(&layer, &back);
	smi_layer_clear(&back);
	smi_layer_clear(&layer);
	free(coded.tail);
}

/* Not the footer's magic: without it there is no layer. */
static void every_bit_of_the_footer_counts(void **state)
{
	struct smi_layer layer, back;
	struct coded coded;

	make(&layer);
	encode(&layer, &coded);
	for (size_t bit = 0; bit < 8 * sizeof(coded.footer); bit++) {
		coded.footer[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(decode(&coded, layer.disk_npages, &back),
				 bit < 64 ? -ENODATA : -EBADMSG);
		coded.footer[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(decode(&coded, layer.disk_npages + 1, &back),
			 -EBADMSG);
	smi_layer_clear(&layer);
	free(coded.tail);
}

static void every_bit_of_the_tail_counts(void **state)
{
	struct smi_layer layer, back;
	struct coded coded;

	make(&layer);
	encode(&layer, &coded);
	for (size_t bit = 0; bit < 8 * RIG_PAGE_BYTES * coded.npages; bit++) {
		coded.tail[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(decode(&coded, layer.disk_npages, &back),
				 -EBADMSG);
		coded.tail[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	smi_layer_clear(&layer);
	free(coded.tail);
}

/* XXH3-128 of both, as version 1 wrote them first: fixed for ever. */
static void bytes_of_version_1_stay(void **state)
{
	struct smi_layer layer;
	struct coded coded;
	struct smi_qcow2_digest tail, footer;

	make(&layer);
	encode(&layer, &coded);
	tail = smi_tail_checksum(coded.tail, coded.npages * RIG_PAGE_BYTES);
	footer = smi_tail_checksum(coded.footer, RIG_PAGE_BYTES);
	assert_int_equal(tail.low, UINT64_C(0x821b88a62479f5dd));
	assert_int_equal(footer.low, UINT64_C(0xd50fad27e48f5f74));
	smi_layer_clear(&layer);
	free(coded.tail);
}

TEST_MAIN(what_was_encoded_is_decoded, several_pauses, nothing_is_a_layer_too,
	  every_bit_of_the_footer_counts, every_bit_of_the_tail_counts,
	  bytes_of_version_1_stay)
