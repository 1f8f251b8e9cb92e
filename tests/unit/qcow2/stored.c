/* SPDX-License-Identifier: MIT */
/*
 * Pages taken from a chain as they are stored, and written to another image as
 * they are: the disk is the same, compressed pages have the same bytes, and
 * what cannot be taken like that comes decompressed.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"
#include "qcow2/decompress.h"
#include "qcow2/format.h"
#include "qemu_img.h"
#include "writer_rig.h"

#define NPAGES 700

static uint8_t disk[NPAGES * PAGE_BYTES], bytes[NPAGES * PAGE_BYTES];
static uint16_t packed_bytes[NPAGES];

/* In three images, one over the other, with pages of all kinds. */
static void write_chain(struct test_rng *rng)
{
	static const char *const names[] = {NULL, "image0", "image1", "image2"};

	memset(disk, 0, sizeof(disk));
	for (unsigned int i = 0; i < 3; i++) {
		int fd = scratch_file(names[i + 1]);
		struct smi_qcow2_writer *writer =
			writer_rig_create(fd, NPAGES, names[i]);

		for (uint64_t page = 0; page < NPAGES; page++) {
			if (i && test_rng_below(rng, 3))
				continue;
			image_draw_page(rng, (unsigned int)test_rng_next(rng),
					disk + page * PAGE_BYTES);
			writer_rig_data(writer, page, 1,
					disk + page * PAGE_BYTES);
		}
		writer_rig_end(writer);
		close(fd);
	}
}

static struct smi_qcow2_chain *read_stored(const char *name, uint64_t npages)
{
	struct smi_qcow2_chain *chain = expect_chain(name);
	struct smi_qcow2_reader *reader = expect_reader(chain, 0, 0);
	uint64_t half = npages / 2;
	struct smudge_error err;

	memset(packed_bytes, 0xff, sizeof(packed_bytes));
	if (smi_qcow2_reader_read_stored(reader, 0, half, bytes, packed_bytes,
					 &err) ||
	    smi_qcow2_reader_read_stored(reader, half, npages - half,
					 bytes + half * PAGE_BYTES,
					 packed_bytes + half, &err))
		fail_msg("%s", err.message);
	smi_qcow2_reader_destroy(reader);
	return chain;
}

/* Return: the length of its frame, which may be shorter than what was read. */
static size_t expect_frame(ZSTD_DCtx *context, uint64_t page)
{
	const uint8_t *at = bytes + page * PAGE_BYTES;
	uint8_t unpacked[PAGE_BYTES];

	assert_true(packed_bytes[page] <= PAGE_BYTES);
	assert_int_equal(smi_qcow2_decompress(context, at, packed_bytes[page],
					      unpacked, PAGE_BYTES),
			 0);
	assert_memory_equal(unpacked, disk + page * PAGE_BYTES, PAGE_BYTES);
	return smi_qcow2_frame_bytes(at, packed_bytes[page], PAGE_BYTES);
}

/* Return: how many were compressed. */
static uint64_t copy(struct smi_qcow2_writer *writer)
{
	ZSTD_DCtx *context = ZSTD_createDCtx();
	uint64_t npacked = 0;

	assert_non_null(context);
	for (uint64_t i = 0; i < NPAGES; i++) {
		const uint8_t *at = bytes + i * PAGE_BYTES;

		if (!packed_bytes[i]) {
			assert_memory_equal(at, disk + i * PAGE_BYTES,
					    PAGE_BYTES);
			writer_rig_data(writer, i, 1, at);
			continue;
		}
		packed_bytes[i] = (uint16_t)expect_frame(context, i);
		assert_in_range(packed_bytes[i], 1, SMI_QCOW2_MAX_PACKED_BYTES);
		assert_int_equal(smi_qcow2_writer_packed(writer, i, at,
							 packed_bytes[i], NULL),
				 0);
		npacked++;
	}
	ZSTD_freeDCtx(context);
	return npacked;
}

/* An entry names the sectors of the frame, and no more. */
static void expect_same_data(void)
{
	static uint8_t again[NPAGES * PAGE_BYTES];
	static uint16_t lengths[NPAGES];

	memcpy(again, bytes, sizeof(again));
	memcpy(lengths, packed_bytes, sizeof(lengths));
	smi_qcow2_chain_close(read_stored("copy", NPAGES));
	for (uint64_t i = 0; i < NPAGES; i++) {
		assert_true(packed_bytes[i] >= lengths[i]);
		assert_true(packed_bytes[i] <= lengths[i] + 511);
		assert_memory_equal(bytes + i * PAGE_BYTES,
				    again + i * PAGE_BYTES,
				    lengths[i] ? lengths[i] : PAGE_BYTES);
	}
}

static void a_chain_is_copied(void **state)
{
	struct test_rng rng = test_rng_start("stored");
	struct smi_qcow2_writer_stats stats;
	struct smi_qcow2_writer *writer;
	struct smi_qcow2_chain *chain;
	struct image image;
	uint64_t npacked;
	int fd;

	write_chain(&rng);
	chain = read_stored("image2", NPAGES);
	fd = scratch_file("copy");
	writer = writer_rig_create(fd, NPAGES, NULL);
	npacked = copy(writer);
	stats = writer_rig_end(writer);
	smi_qcow2_chain_close(chain);
	assert_true(npacked > NPAGES / 4);
	assert_int_equal(stats.compressed_pages, npacked);
	image = image_open(fd);
	image_check(&image);
	image_close(&image);
	close(fd);
	if (qemu_img_is_there())
		assert_qemu_checks("copy");
	expect_image("copy", disk, NPAGES, &rng);
	expect_same_data();
}

/* Clusters of 8 KiB, also where one page of them is wanted. */
static void larger_clusters_come_decompressed(void **state)
{
	struct builder_options options = {.disk_bytes = 4 * (size_t)PAGE_BYTES,
					  .cluster_bits = 13};
	struct test_rng rng = test_rng_start("larger");
	struct builder builder;

	writer_rig_fill(&rng, 2, disk, 4);
	builder_start(&builder, &options);
	builder_zstd(&builder, 0, disk);
	builder_zstd(&builder, 1, disk + 2 * (size_t)PAGE_BYTES);
	builder_save(&builder, "image");
	smi_qcow2_chain_close(read_stored("image", 4));
	smi_qcow2_chain_close(read_stored("image", 3));
	for (int i = 0; i < 3; i++)
		assert_int_equal(packed_bytes[i], 0);
	assert_memory_equal(bytes, disk, 3 * (size_t)PAGE_BYTES);
}

static size_t add_frame(uint8_t *to, size_t room, const uint8_t *from, size_t n)
{
	size_t added = ZSTD_compress(to, room, from, n, 1);

	assert_false(ZSTD_isError(added));
	return added;
}

/* Of several frames, of one that is too long, and of one with a tail. */
static void odd_frames(void **state)
{
	struct builder_options options = {.disk_bytes = 3 * (size_t)PAGE_BYTES};
	static uint8_t data[3 * PAGE_BYTES];
	struct test_rng rng = test_rng_start("odd");
	ZSTD_DCtx *context = ZSTD_createDCtx();
	struct builder builder;
	size_t n;

	assert_non_null(context);
	writer_rig_fill(&rng, 2, disk, 2);
	writer_rig_fill(&rng, 1, disk + 2 * (size_t)PAGE_BYTES, 1);
	builder_start(&builder, &options);
	n = add_frame(data, sizeof(data), disk, 1000);
	n += add_frame(data + n, sizeof(data) - n, disk + 1000,
		       PAGE_BYTES - 1000);
	builder_packed(&builder, 0, data, n);
	n = add_frame(data, sizeof(data), disk + PAGE_BYTES, PAGE_BYTES);
	memset(data + n, 0xff, 100);
	builder_packed(&builder, 1, data, n + 100);
	builder_zstd(&builder, 2, disk + 2 * (size_t)PAGE_BYTES);
	builder_save(&builder, "image");
	smi_qcow2_chain_close(read_stored("image", 3));
	assert_int_equal(expect_frame(context, 0), 0);
	assert_int_equal(expect_frame(context, 1), n);
	assert_int_equal(packed_bytes[2], 0);
	assert_memory_equal(bytes + 2 * (size_t)PAGE_BYTES,
			    disk + 2 * (size_t)PAGE_BYTES, PAGE_BYTES);
	ZSTD_freeDCtx(context);
}

TEST_MAIN_WITH(folder_create, folder_remove, a_chain_is_copied,
	       larger_clusters_come_decompressed, odd_frames)
