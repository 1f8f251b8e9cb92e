/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer of block devices that show a layer: any bytes, and the same with
 * checksums and digests made right, so that what comes behind them is reached.
 * What opens and verifies must read as what the device has, page by page.
 *
 * Input: a byte (bit 0: make the tables right too), then the device.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/layers.h>

#include "checkpoint/layer_format.h"
#include "checkpoint/tail.h"
#include "common/little_endian.h"

#define PAGE	   SMI_QCOW2_PAGE_BYTES
#define MAX_NPAGES 64

struct device {
	uint8_t *bytes;
	uint64_t npages;
};

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void put_digest(uint8_t *at, struct smi_qcow2_digest digest)
{
	little_endian_put(at, digest.low, 8);
	little_endian_put(at + 8, digest.high, 8);
}

static int read_device(void *disk, uint64_t offset, void *bytes,
		       size_t length_bytes, struct smudge_error *err)
{
	const struct device *device = disk;
	uint64_t size = device->npages * PAGE;

	require(offset <= size && length_bytes <= size - offset &&
			length_bytes && offset % PAGE == 0 &&
			length_bytes % PAGE == 0,
		"a read beyond the device");
	memcpy(bytes, device->bytes + offset, length_bytes);
	return 0;
}

static uint8_t *footer_of(struct device *d)
{
	return d->bytes + (d->npages - 1) * PAGE;
}

/* The checksums. Return: is there a tail? */
static bool seal(struct device *d)
{
	uint8_t *footer = footer_of(d);
	uint64_t tail = little_endian_get(footer + SMI_FOOTER_TAIL_PAGE, 8);
	uint64_t n = little_endian_get(footer + SMI_FOOTER_TAIL_NPAGES, 8);
	bool has_tail = tail < d->npages && n && n <= d->npages - 1 - tail;

	memcpy(footer, SMI_FOOTER_MAGIC, 8);
	little_endian_put(footer + SMI_FOOTER_DISK_NPAGES, d->npages, 8);
	if (has_tail)
		put_digest(footer + SMI_FOOTER_TAIL_SUM,
			   smi_tail_checksum(d->bytes + tail * PAGE, n * PAGE));
	put_digest(footer + SMI_FOOTER_SUM,
		   smi_tail_checksum(footer, SMI_FOOTER_SUM));
	return has_tail;
}

static struct smi_qcow2_digest put_table(struct device *d,
					 const struct smi_layer_extent *extent)
{
	struct smi_qcow2_digest sum = {0};

	for (uint64_t i = 0; i < extent->npages; i++) {
		uint64_t page = extent->disk_page + i;
		struct smi_qcow2_digest digest =
			smi_qcow2_digest(page, d->bytes + page * PAGE);

		put_digest(d->bytes + extent->table_page * PAGE +
				   i * SMI_QCOW2_DIGEST_BYTES,
			   digest);
		sum = smi_qcow2_digest_add(sum, digest);
	}
	return sum;
}

/* Tables and the moment's digest, where the tail is one. */
static void seal_tables(struct device *d)
{
	struct smi_qcow2_digest sum = {0};
	struct smi_layer layer = {0};
	struct smi_footer footer;

	if (smi_footer_decode(footer_of(d), d->npages, &footer, NULL) < 0)
		return;
	if (smi_tail_decode(&footer, d->bytes + footer.tail_page * PAGE,
			    d->npages, &layer, NULL) == 0) {
		for (size_t i = 0; i < layer.nregions; i++)
			for (size_t k = 0; k < layer.regions[i].nextents; k++)
				sum = smi_qcow2_digest_add(
					sum,
					put_table(
						d,
						&layer.regions[i].extents[k]));
		put_digest(footer_of(d) + SMI_FOOTER_DIGEST, sum);
		seal(d);
	}
	smi_layer_clear(&layer);
}

static void check_sentence(int ret, const struct smudge_error *err)
{
	require(ret <= 0 && err->code == ret && !err->message[0] == !ret,
		"an error without a sentence");
}

/* All of a region; what it has was verified already if @is_right. */
static void read_region(struct smudge_chain *chain, size_t index, bool is_right)
{
	struct smudge_layer_region region = {.size = sizeof(region)};
	struct smudge_run run = {0, 0};
	struct smudge_error err;
	uint64_t npages;
	uint8_t *bytes;
	int ret;

	require(smudge_chain_region(chain, index, &region) == 0, "region");
	require(region.size_bytes <= MAX_NPAGES * PAGE, "a region too large");
	bytes = malloc(region.size_bytes);
	require(bytes, "no memory");
	npages = region.size_bytes >> region.page_shift;
	ret = smudge_chain_read(chain, index, 0, npages, bytes, &err);
	check_sentence(ret, &err);
	require(!is_right || ret == 0, "verified, and cannot be read");
	ret = smudge_chain_next_data(chain, index, 0, npages, &run, &err);
	require(ret <= 1 && (!is_right || ret >= 0), "next_data");
	if (ret == 1)
		require(run.npages && run.first_page + run.npages <= npages,
			"a run beyond the region");
	free(bytes);
}

static void play(struct device *device, bool is_sealed)
{
	const struct smudge_disk_ops ops = {.size = sizeof(ops),
					    .read = read_device};
	const struct smudge_disk disk = {&ops, device, device->npages * PAGE};
	struct smudge_chain *chain;
	struct smudge_error err;
	int ret = smudge_chain_open_disk(&disk, &chain, &err);

	check_sentence(ret, &err);
	if (ret < 0)
		return;
	ret = smudge_chain_verify(chain, NULL, NULL, &err);
	check_sentence(ret, &err);
	require(!is_sealed || ret == 0, "sealed, and not right");
	for (size_t i = 0; i < smudge_chain_nregions(chain); i++)
		read_region(chain, i, ret == 0);
	smudge_chain_close(chain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct device device;

	if (size < 2 || size - 1 > MAX_NPAGES * PAGE)
		return 0;
	device.npages = (size - 1 + PAGE - 1) / PAGE;
	device.bytes = calloc(device.npages, PAGE);
	require(device.bytes, "no memory");
	memcpy(device.bytes, data + 1, size - 1);
	play(&device, false);
	if (seal(&device) && data[0] & 1)
		seal_tables(&device);
	play(&device, data[0] & 1);
	free(device.bytes);
	return 0;
}
