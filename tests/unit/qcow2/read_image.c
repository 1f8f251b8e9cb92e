/* SPDX-License-Identifier: MIT */
/*
 * One image of every cluster size and version, with raw, zero and compressed
 * clusters and holes, reads as what was put into it.
 */
#include <stdlib.h>
#include <string.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"
#include "qcow2/format.h"

/* Random or repeated bytes. */
static void fill(uint8_t *bytes, size_t length, struct test_rng *rng)
{
	uint64_t word = test_rng_next(rng);
	bool is_random = test_rng_below(rng, 2);

	for (size_t i = 0; i + 8 <= length; i += 8) {
		word = is_random ? test_rng_next(rng) : word;
		memcpy(bytes + i, &word, 8);
	}
}

static void put_cluster(struct builder *builder, uint64_t cluster,
			uint8_t *bytes, struct test_rng *rng)
{
	size_t length = (size_t)1 << builder->options.cluster_bits;

	switch (test_rng_below(rng, 5)) {
	case 0:
		return;
	case 1:
		if (builder->options.version == 3)
			builder_zeros(builder, cluster);
		return;
	case 2:
		if (builder->options.version == 3) {
			fill(bytes, length, rng);
			builder_zstd(builder, cluster, bytes);
		}
		return;
	default:
		fill(bytes, length, rng);
		builder_raw(builder, cluster, bytes);
	}
}

static void read_one(unsigned int version, unsigned int cluster_bits,
		     struct test_rng *rng)
{
	size_t cluster_bytes = (size_t)1 << cluster_bits;
	uint64_t nclusters = cluster_bits < 16 ? 700 : 8;
	/* It may end within a cluster. */
	uint64_t npages = nclusters * cluster_bytes / SMI_QCOW2_PAGE_BYTES -
			  test_rng_below(rng, 2);
	const struct builder_options options = {
		.version = version,
		.cluster_bits = cluster_bits,
		.disk_bytes = npages * SMI_QCOW2_PAGE_BYTES,
	};
	uint8_t *disk = calloc(nclusters, cluster_bytes);
	struct builder builder;

	assert_non_null(disk);
	builder_start(&builder, &options);
	for (uint64_t i = 0; i < nclusters; i++)
		put_cluster(&builder, i, disk + i * cluster_bytes, rng);
	builder_save(&builder, "image");
	expect_image("image", disk, npages, rng);
	free(disk);
}

static void every_size_and_version(void **state)
{
	struct test_rng rng = test_rng_start("read_image");

	(void)state;
	for (unsigned int bits = 12; bits <= 21; bits++) {
		read_one(2, bits, &rng);
		read_one(3, bits, &rng);
	}
}

/* A header of 104 bytes has no compression type, and means deflate. */
static void short_header(void **state)
{
	const struct builder_options options = {
		.disk_bytes = 2 * SMI_QCOW2_PAGE_BYTES, .is_deflate = true};
	struct test_rng rng = test_rng_start("read_image");
	uint8_t disk[2 * SMI_QCOW2_PAGE_BYTES] = {0};
	struct builder builder;

	(void)state;
	fill(disk, SMI_QCOW2_PAGE_BYTES, &rng);
	builder_start(&builder, &options);
	builder_put(&builder, 100, 104, 4);
	builder_raw(&builder, 0, disk);
	builder_save(&builder, "image");
	expect_image("image", disk, 2, &rng);
}

static void empty_disk(void **state)
{
	const struct builder_options options = {.disk_bytes = 0};
	struct test_rng rng = test_rng_start("read_image");
	struct builder builder;

	(void)state;
	builder_start(&builder, &options);
	builder_save(&builder, "image");
	expect_image("image", (const uint8_t *)"", 0, &rng);
}

/* QEMU cuts the last cluster of a file short, and reads zeros there. */
static void file_ends_in_cluster(void **state)
{
	const struct builder_options options = {.disk_bytes = 16384,
						.cluster_bits = 14};
	struct test_rng rng = test_rng_start("read_image");
	uint8_t disk[16384];
	struct builder builder;

	(void)state;
	fill(disk, sizeof(disk), &rng);
	builder_start(&builder, &options);
	builder_zeros(&builder, 0); /* so that its table comes first */
	builder_raw(&builder, 0, disk);
	builder.length -= 9000;
	builder_save(&builder, "image");
	memset(disk + sizeof(disk) - 9000, 0, 9000);
	expect_image("image", disk, 4, &rng);
}

TEST_MAIN_WITH(folder_create, folder_remove, every_size_and_version,
	       short_header, empty_disk, file_ends_in_cluster)
