/* SPDX-License-Identifier: MIT */
/*
 * How each kind of page is stored: zeros are no cluster, or one with the zero
 * flag over a backing file; random pages are raw; what compresses is
 * compressed, and several compressed pages share a cluster of the file.
 */
#include <string.h>
#include <unistd.h>

#include "qemu_img.h"
#include "writer_rig.h"

#define NPAGES 1000

static uint8_t pages[NPAGES * PAGE_BYTES];

static struct smi_qcow2_writer_stats write_kind(int fd, unsigned int kind,
						const char *backing_name)
{
	struct test_rng rng = test_rng_start("write_kind");
	struct smi_qcow2_writer *writer =
		writer_rig_create(fd, NPAGES + 3, backing_name);

	writer_rig_fill(&rng, kind, pages, NPAGES);
	writer_rig_data(writer, 3, NPAGES, pages);
	return writer_rig_end(writer);
}

static void check_kind(int fd, enum image_kind kind)
{
	struct image image = image_open(fd);

	image_check(&image);
	for (uint64_t i = 0; i < NPAGES; i++)
		assert_int_equal(image_kind(&image, i + 3), kind);
	/* What was not written is the backing file's. */
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(image_kind(&image, i), IMAGE_UNALLOCATED);
	image_close(&image);
	close(fd);
}

static void zeros_alone(void **state)
{
	int fd = scratch_file("image");
	struct smi_qcow2_writer_stats stats = write_kind(fd, 0, NULL);

	assert_int_equal(stats.data_pages, 0);
	assert_int_equal(stats.zero_pages, NPAGES);
	assert_true(stats.file_bytes < 10 * PAGE_BYTES);
	check_kind(fd, IMAGE_UNALLOCATED);
}

static void zeros_over_another(void **state)
{
	int fd = scratch_file("image");
	struct smi_qcow2_writer_stats stats = write_kind(fd, 0, "below");

	assert_int_equal(stats.data_pages, 0);
	assert_int_equal(stats.zero_pages, NPAGES);
	assert_true(stats.file_bytes < 10 * PAGE_BYTES);
	check_kind(fd, IMAGE_ZERO);
}

static void random_pages(void **state)
{
	int fd = scratch_file("image");
	struct smi_qcow2_writer_stats stats = write_kind(fd, 1, NULL);

	assert_int_equal(stats.data_pages, NPAGES);
	assert_int_equal(stats.compressed_pages, 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), stats.file_bytes);
	assert_true(stats.file_bytes <= (NPAGES + 10) * PAGE_BYTES);
	check_kind(fd, IMAGE_RAW);
}

static void text(void **state)
{
	int fd = scratch_file("image");
	struct smi_qcow2_writer_stats stats = write_kind(fd, 2, NULL);

	assert_int_equal(stats.data_pages, NPAGES);
	assert_int_equal(stats.compressed_pages, NPAGES);
	assert_int_equal(lseek(fd, 0, SEEK_END), stats.file_bytes);
	assert_true(stats.file_bytes < NPAGES / 2 * PAGE_BYTES);
	check_kind(fd, IMAGE_COMPRESSED);
}

/* A page handed over again is counted once; its first data are dead. */
static void replaced(void **state)
{
	struct test_rng rng = test_rng_start("replaced");
	int fd = scratch_file("image");
	struct smi_qcow2_writer *writer = writer_rig_create(fd, 10, NULL);
	struct smi_qcow2_writer_stats stats;
	struct image image;

	writer_rig_fill(&rng, 1, pages, 10);
	writer_rig_fill(&rng, 2, pages + 10 * PAGE_BYTES, 10);
	writer_rig_data(writer, 0, 10, pages);
	writer_rig_data(writer, 2, 8, pages + 10 * PAGE_BYTES);
	writer_rig_zeros(writer, 9, 1);
	stats = writer_rig_end(writer);
	assert_int_equal(stats.data_pages, 9);
	assert_int_equal(stats.compressed_pages, 7);
	assert_int_equal(stats.zero_pages, 1);
	image = image_open(fd);
	image_check(&image);
	assert_int_equal(image_kind(&image, 1), IMAGE_RAW);
	assert_int_equal(image_kind(&image, 2), IMAGE_COMPRESSED);
	assert_int_equal(image_kind(&image, 9), IMAGE_UNALLOCATED);
	image_close(&image);
	close(fd);
	if (qemu_img_is_there())
		assert_qemu_checks("image");
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, zeros_alone, zeros_over_another,
	       random_pages, text, replaced)
