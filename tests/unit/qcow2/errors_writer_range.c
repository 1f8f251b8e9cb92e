/* SPDX-License-Identifier: MIT */
/*
 * Pages beyond the disk are refused, and nothing else changes.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "qemu_img.h"
#include "writer_rig.h"

static uint8_t pages[10 * PAGE_BYTES];

static void refused(struct smi_qcow2_writer *writer, uint64_t first, uint64_t n)
{
	struct smudge_error err;

	assert_int_equal(
		smi_qcow2_writer_data(writer, first, n, pages, NULL, &err),
		-EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_int_equal(smi_qcow2_writer_zeros(writer, first, n, &err),
			 -EINVAL);
	assert_int_equal(err.code, -EINVAL);
}

static void beyond_the_disk(void **state)
{
	struct test_rng rng = test_rng_start("beyond_the_disk");
	int fd = scratch_file("image");
	struct smi_qcow2_writer *writer = writer_rig_create(fd, 10, "below");
	struct image image;

	writer_rig_fill(&rng, 2, pages, 10);
	refused(writer, 10, 1);
	refused(writer, 9, 2);
	refused(writer, 0, 11);
	refused(writer, 11, 0);
	refused(writer, 5, UINT64_MAX);
	refused(writer, UINT64_MAX, 1);
	refused(writer, UINT64_MAX, UINT64_MAX);
	/* Nothing, also at the end, is no error. */
	writer_rig_data(writer, 10, 0, pages);
	writer_rig_zeros(writer, 10, 0);
	writer_rig_zeros(writer, 0, 0);
	writer_rig_data(writer, 9, 1, pages);
	writer_rig_end(writer);
	image = image_open(fd);
	image_check(&image);
	for (uint64_t i = 0; i < 9; i++)
		assert_int_equal(image_kind(&image, i), IMAGE_UNALLOCATED);
	assert_int_equal(image_kind(&image, 9), IMAGE_COMPRESSED);
	image_close(&image);
	close(fd);
}

static void not_packed(struct smi_qcow2_writer *writer, uint64_t page,
		       size_t length)
{
	struct smudge_error err;

	assert_int_equal(
		smi_qcow2_writer_packed(writer, page, pages, length, &err),
		-EINVAL);
	assert_int_equal(err.code, -EINVAL);
}

/* Lengths that no compressed page has, and an image that has none at all. */
static void compressed_already(void **state)
{
	const struct smi_qcow2_writer_options options = {
		.fd = scratch_file("raw"), .npages = 10, .nthreads = 1};
	int fd = scratch_file("image");
	struct smi_qcow2_writer *writer = writer_rig_create(fd, 10, NULL);

	not_packed(writer, 10, 100);
	not_packed(writer, UINT64_MAX, 100);
	not_packed(writer, 0, 0);
	not_packed(writer, 0, SMI_QCOW2_MAX_PACKED_BYTES + 1);
	not_packed(writer, 0, SIZE_MAX);
	assert_int_equal(writer_rig_end(writer).data_pages, 0);
	close(fd);
	assert_int_equal(smi_qcow2_writer_create(&options, &writer, NULL), 0);
	not_packed(writer, 0, 100);
	assert_int_equal(writer_rig_end(writer).data_pages, 0);
	close(options.fd);
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, beyond_the_disk,
	       compressed_already)
