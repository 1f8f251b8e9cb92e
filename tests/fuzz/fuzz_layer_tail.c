/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer of layers' footers and tails. Each input is decoded as it is and
 * with its checksums made right. What is accepted must come back the same after
 * encoding it, and a delta on it must find places.
 *
 * Input: the first 88 bytes of the footer, then the tail.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/layer_format.h"
#include "checkpoint/place.h"
#include "checkpoint/tail.h"
#include "checkpoint/tail_check.h"
#include "common/little_endian.h"

#define PAGE	   SMI_QCOW2_PAGE_BYTES
#define MAX_NPAGES 16

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void put_sum(uint8_t *at, const void *bytes, size_t length)
{
	struct smi_qcow2_digest sum = smi_tail_checksum(bytes, length);

	little_endian_put(at, sum.low, 8);
	little_endian_put(at + 8, sum.high, 8);
}

static void seal(uint8_t page[PAGE], const uint8_t *tail, size_t npages)
{
	memcpy(page, SMI_FOOTER_MAGIC, 8);
	little_endian_put(page + SMI_FOOTER_TAIL_NPAGES, npages, 8);
	put_sum(page + SMI_FOOTER_TAIL_SUM, tail, npages * PAGE);
	put_sum(page + SMI_FOOTER_SUM, page, SMI_FOOTER_SUM);
}

static int decode(const uint8_t page[PAGE], const uint8_t *tail, size_t npages,
		  struct smi_layer *ret_layer)
{
	uint64_t disk_npages =
		little_endian_get(page + SMI_FOOTER_DISK_NPAGES, 8);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_footer footer;
	int ret = smi_footer_decode(page, disk_npages, &footer, &err);

	if (ret == 0 && footer.tail_npages != npages)
		return -ENODATA;
	if (ret == 0)
		ret = smi_tail_decode(&footer, tail, disk_npages, ret_layer,
				      &err);
	require(ret <= 0 && err.code == ret && !err.message[0] == !ret,
		"an error without a sentence");
	return ret;
}

/* All but the statistics' later values and unknown sections. */
static void encode_again(struct smi_layer *layer)
{
	struct smi_layer back, copy = *layer;
	uint8_t page[PAGE], *tail, *tail2;
	size_t npages, npages2;

	require(smi_tail_encode(layer, &tail, &npages, NULL) == 0, "encode");
	/* Without statistics it was shorter, and has no place for them. */
	require(npages <= layer->tail_npages + 1, "a longer tail");
	if (npages > layer->tail_npages) {
		free(tail);
		return;
	}
	copy.tail_npages = npages;
	smi_footer_encode(&copy, tail, page);
	require(decode(page, tail, npages, &back) == 0, "encoded wrong");
	require(smi_tail_encode(&back, &tail2, &npages2, NULL) == 0, "again");
	require(npages == npages2 && !memcmp(tail, tail2, npages * PAGE),
		"another tail");
	smi_layer_clear(&back);
	free(tail);
	free(tail2);
}

/* The same regions, one of them a page longer where there is room. */
static void place_delta(const struct smi_layer *parent)
{
	struct smi_layer layer = {.nregions = parent->nregions};
	struct smi_place_fresh *fresh;
	size_t nfresh;

	layer.regions = calloc(layer.nregions + 1, sizeof(*layer.regions));
	require(layer.regions, "no memory");
	for (size_t i = 0; i < layer.nregions; i++) {
		layer.regions[i] = parent->regions[i];
		layer.regions[i].extents = NULL;
		layer.regions[i].nextents = 0;
	}
	if (layer.nregions)
		layer.regions[layer.nregions - 1].size_bytes +=
			UINT64_C(1)
			<< layer.regions[layer.nregions - 1].page_shift;
	if (smi_place_regions(parent, &layer, &fresh, &nfresh, NULL) == 0) {
		smi_place_tail(parent, &layer, 1);
		require(nfresh == (layer.nregions > 0), "fresh");
		require(smi_tail_check_layer(&layer, NULL) == 0, "overlaps");
		free(fresh);
	}
	smi_layer_clear(&layer);
}

static void play(const uint8_t page[PAGE], const uint8_t *tail, size_t npages)
{
	struct smi_layer layer;

	if (decode(page, tail, npages, &layer) < 0)
		return;
	encode_again(&layer);
	place_delta(&layer);
	smi_layer_clear(&layer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t page[PAGE] = {0}, *tail;
	size_t npages;

	if (size <= SMI_FOOTER_RESERVED)
		return 0;
	memcpy(page, data, SMI_FOOTER_RESERVED);
	data += SMI_FOOTER_RESERVED;
	size -= SMI_FOOTER_RESERVED;
	npages = (size + PAGE - 1) / PAGE;
	if (npages > MAX_NPAGES)
		return 0;
	tail = calloc(npages, PAGE);
	require(tail, "no memory");
	memcpy(tail, data, size);
	play(page, tail, npages);
	seal(page, tail, npages);
	play(page, tail, npages);
	free(tail);
	return 0;
}
