/* SPDX-License-Identifier: MIT */
/*
 * Random chains against an oracle that walks down for each page: every kind of
 * cluster over every other, cluster sizes mixed, disks longer and shorter than
 * those below, ends within a page. Any part of the chain is read, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"
#include "qcow2/format.h"

#define PAGE	  ((size_t)SMI_QCOW2_PAGE_BYTES)
#define MAX_DEPTH 8
#define MAX_PAGES 1600

/* An image as the oracle knows it: the last one is the top. */
struct layer {
	uint64_t disk_bytes;
	unsigned int cluster_bits;
	bool *has;	/* of each page */
	uint8_t *bytes; /* of each page that it has */
};

static void put_cluster(struct layer *layer, struct builder *builder,
			uint64_t cluster, struct test_rng *rng)
{
	size_t bytes = (size_t)1 << layer->cluster_bits;
	uint8_t *at = layer->bytes + cluster * bytes;
	unsigned int kind = (unsigned int)test_rng_below(rng, 3);

	for (size_t i = 0; i < bytes / PAGE; i++)
		layer->has[cluster * (bytes / PAGE) + i] = true;
	if (kind == 0) {
		builder_zeros(builder, cluster);
		return;
	}
	for (size_t i = 0; i < bytes; i += 64)
		memset(at + i, (int)test_rng_below(rng, 256), 64);
	if (kind == 1)
		builder_raw(builder, cluster, at);
	else
		builder_zstd(builder, cluster, at);
}

static void make_layer(struct layer *layer, unsigned int index,
		       struct test_rng *rng)
{
	/* Sectors, so that a disk may end within a page. */
	uint64_t sectors = test_rng_below(rng, MAX_PAGES * 8) + 1;
	struct builder_options options = {.format = "qcow2"};
	struct builder builder;
	uint64_t nclusters;
	char name[32], backing[32];

	if (test_rng_below(rng, 2))
		sectors = (sectors + 7) & ~UINT64_C(7);
	layer->disk_bytes = sectors * 512;
	layer->cluster_bits = 12 + (unsigned int)test_rng_below(rng, 4);
	layer->has = calloc(MAX_PAGES + 512, sizeof(bool));
	layer->bytes = calloc(MAX_PAGES + 512, PAGE);
	assert_true(layer->has && layer->bytes);
	options.disk_bytes = layer->disk_bytes;
	options.cluster_bits = layer->cluster_bits;
	snprintf(name, sizeof(name), "layer-%u", index);
	snprintf(backing, sizeof(backing), "layer-%u", index - 1);
	options.backing = index ? backing : NULL;
	builder_start(&builder, &options);
	nclusters = ((layer->disk_bytes - 1) >> layer->cluster_bits) + 1;
	for (uint64_t i = 0; i < nclusters; i++) {
		if (test_rng_below(rng, 4) == 0)
			put_cluster(layer, &builder, i, rng);
	}
	builder_save(&builder, name);
}

/* What page @page of layers[top] is, with @depth layers from it down. */
static size_t find_page(const struct layer *layers, size_t top, size_t depth,
			uint64_t page, uint8_t *bytes)
{
	uint64_t shown = UINT64_MAX;

	memset(bytes, 0, PAGE);
	for (size_t i = 0; i < depth; i++) {
		const struct layer *layer = &layers[top - i];

		if (layer->disk_bytes < shown)
			shown = layer->disk_bytes;
		if (page * PAGE >= shown)
			return SMI_QCOW2_NOWHERE;
		if (!layer->has[page])
			continue;
		shown -= page * PAGE;
		memcpy(bytes, layer->bytes + page * PAGE,
		       shown < PAGE ? (size_t)shown : PAGE);
		return i;
	}
	return SMI_QCOW2_NOWHERE;
}

static void expect_part(const struct smi_qcow2_chain *chain,
			const struct layer *layers, size_t top, size_t first,
			size_t depth, struct test_rng *rng)
{
	uint64_t npages = smi_qcow2_chain_npages(chain, first);
	struct smi_qcow2_reader *reader = expect_reader(chain, first, depth);
	uint8_t *disk = calloc(npages + 1, PAGE);
	size_t *owners = calloc(npages + 1, sizeof(*owners));

	assert_true(disk && owners);
	for (uint64_t i = 0; i < npages; i++) {
		owners[i] = find_page(layers, top - first, depth, i,
				      disk + i * PAGE);
		if (owners[i] != SMI_QCOW2_NOWHERE)
			owners[i] += first;
	}
	expect_disk(reader, disk, npages, owners, rng);
	smi_qcow2_reader_destroy(reader);
	free(disk);
	free(owners);
}

static void one_chain(struct test_rng *rng)
{
	size_t nlayers = test_rng_below(rng, MAX_DEPTH) + 1;
	struct layer layers[MAX_DEPTH];
	struct smi_qcow2_chain *chain;
	char name[32];

	for (size_t i = 0; i < nlayers; i++)
		make_layer(&layers[i], (unsigned int)i, rng);
	snprintf(name, sizeof(name), "layer-%zu", nlayers - 1);
	chain = expect_chain(name);
	assert_int_equal(smi_qcow2_chain_nimages(chain), nlayers);
	expect_part(chain, layers, nlayers - 1, 0, nlayers, rng);
	for (unsigned int i = 0; i < 2; i++) {
		size_t first = test_rng_below(rng, nlayers);
		size_t depth = test_rng_below(rng, nlayers - first) + 1;

		expect_part(chain, layers, nlayers - 1, first, depth, rng);
	}
	smi_qcow2_chain_close(chain);
	for (size_t i = 0; i < nlayers; i++) {
		free(layers[i].has);
		free(layers[i].bytes);
	}
}

static void random_chains(void **state)
{
	struct test_rng rng = test_rng_start("read_chain");

	(void)state;
	for (unsigned int i = 0; i < test_rounds(30); i++)
		one_chain(&rng);
}

TEST_MAIN_WITH(folder_create, folder_remove, random_chains)
