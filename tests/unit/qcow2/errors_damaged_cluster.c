/* SPDX-License-Identifier: MIT */
/*
 * -EBADMSG for a cluster: entries that lead nowhere, and compressed data that
 * are no whole cluster. Other pages of the image stay readable.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"
#include "qcow2/format.h"

#define CLUSTER_BITS  14
#define CLUSTER_BYTES ((size_t)1 << CLUSTER_BITS)
#define CLUSTER_PAGES (CLUSTER_BYTES / SMI_QCOW2_PAGE_BYTES)

/* Cluster 0 is good, and cluster 1 is the test's. */
static struct builder builder;
static uint8_t disk[2 * CLUSTER_BYTES];

static void begin(unsigned int version)
{
	const struct builder_options options = {.version = version,
						.cluster_bits = CLUSTER_BITS,
						.disk_bytes = sizeof(disk)};

	for (size_t i = 0; i < sizeof(disk); i++)
		disk[i] = (uint8_t)(i * i >> 3);
	builder_start(&builder, &options);
	builder_raw(&builder, 0, disk);
}

static void expect_damage(const char *sentence)
{
	struct smi_qcow2_reader *reader;
	struct smi_qcow2_chain *chain;
	uint8_t bytes[CLUSTER_BYTES];

	builder_save(&builder, "image");
	for (uint64_t i = 0; i < CLUSTER_PAGES; i++)
		expect_no_page("image", CLUSTER_PAGES + i, -EBADMSG, sentence);
	chain = expect_chain("image");
	reader = expect_reader(chain, 0, 0);
	assert_int_equal(
		smi_qcow2_reader_read(reader, 0, CLUSTER_PAGES, bytes, NULL),
		0);
	assert_memory_equal(bytes, disk, sizeof(bytes));
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
}

/* Compressed data, which begin where the file ends now. */
static void put_packed(const void *data, size_t length)
{
	assert_int_equal(builder.length, 4 * CLUSTER_BYTES);
	builder_packed(&builder, 1, data, length);
}

#define IS_DAMAGED "image: the compressed cluster at 65536 is damaged"

static void no_zstd(void **state)
{
	(void)state;
	begin(3);
	put_packed(disk, 1000);
	expect_damage(IS_DAMAGED);
}

/* As libzstd has it, which may know formats from before there was a standard.
 */
static void old_zstd(void **state)
{
	static const uint8_t old[600] = {0x27, 0xb5, 0x2f, 0xfd};

	(void)state;
	begin(3);
	put_packed(old, sizeof(old));
	expect_damage(IS_DAMAGED);
}

static void put_frame_of(size_t length)
{
	size_t room = ZSTD_compressBound(length);
	void *data = malloc(room);

	assert_non_null(data);
	room = ZSTD_compress(data, room, disk, length, 1);
	assert_false(ZSTD_isError(room));
	put_packed(data, room);
	free(data);
}

static void less_than_cluster(void **state)
{
	(void)state;
	begin(3);
	put_frame_of(CLUSTER_BYTES - 1);
	expect_damage(IS_DAMAGED);
}

static void more_than_cluster(void **state)
{
	(void)state;
	begin(3);
	put_frame_of(CLUSTER_BYTES + 1);
	expect_damage(IS_DAMAGED);
}

static void cut_frame(void **state)
{
	(void)state;
	begin(3);
	put_frame_of(CLUSTER_BYTES);
	builder.length -= 1;
	expect_damage(IS_DAMAGED);
}

/* The header as compressed data: offset 0 is a place like others. */
static void packed_at_zero(void **state)
{
	(void)state;
	begin(3);
	builder_entry(&builder, 1, SMI_QCOW2_COMPRESSED);
	expect_damage("image: the compressed cluster at 0 is damaged");
}

static void packed_beyond_end(void **state)
{
	(void)state;
	begin(3);
	builder_entry(&builder, 1, SMI_QCOW2_COMPRESSED | builder.length);
	expect_damage("image: compressed data beyond the file's end, at 65536");
}

static void raw_beyond_end(void **state)
{
	(void)state;
	begin(3);
	builder_entry(&builder, 1, builder.length);
	expect_damage("image: a cluster is beyond the file's end, at 65536");
}

static void not_aligned(void **state)
{
	(void)state;
	begin(3);
	builder_entry(&builder, 1, CLUSTER_BYTES + SMI_QCOW2_PAGE_BYTES);
	expect_damage("image: a cluster is not aligned, at 20480");
}

/* Also behind another one, in one read. */
static void zeros_not_aligned(void **state)
{
	struct smi_qcow2_reader *reader;
	struct smi_qcow2_chain *chain;

	(void)state;
	begin(3);
	builder_entry(&builder, 0, SMI_QCOW2_ZERO | CLUSTER_BYTES);
	builder_entry(&builder, 1, SMI_QCOW2_ZERO | (CLUSTER_BYTES + 512));
	builder_save(&builder, "image");
	chain = expect_chain("image");
	reader = expect_reader(chain, 0, 0);
	assert_int_equal(
		smi_qcow2_reader_read(reader, 0, CLUSTER_PAGES, disk, NULL), 0);
	assert_int_equal(
		smi_qcow2_reader_read(reader, 0, 2 * CLUSTER_PAGES, disk, NULL),
		-EBADMSG);
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
}

static void zeros_in_version_2(void **state)
{
	(void)state;
	begin(2);
	builder_zeros(&builder, 1);
	expect_damage("image: version 2 has no zero clusters, but one at 0");
}

TEST_MAIN_WITH(folder_create, folder_remove, no_zstd, old_zstd,
	       less_than_cluster, more_than_cluster, cut_frame, packed_at_zero,
	       packed_beyond_end, raw_beyond_end, not_aligned,
	       zeros_not_aligned, zeros_in_version_2)
