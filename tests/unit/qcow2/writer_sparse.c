/* SPDX-License-Identifier: MIT */
/*
 * Disks of up to 8 TiB: few pages in them cost little, and so do zeros over
 * most of one with a backing file.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qemu_img.h"
#include "writer_rig.h"

#define MOST_PAGES (UINT64_C(1) << 31)

static uint8_t pages[8 * PAGE_BYTES];

/* Room on the disk: L1 tables are holes mostly. */
static uint64_t used_bytes(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void check_page(const struct image *image, uint64_t page,
		       const uint8_t *expected)
{
	uint8_t got[PAGE_BYTES];

	memset(got, 0x77, sizeof(got));
	image_read(image, page, got);
	assert_memory_equal(got, expected, PAGE_BYTES);
}

static void few_pages(void **state)
{
	static const uint64_t at[] = {
		0,	 (1 << 20) + 511, 1 << 28,	  (1 << 28) + 1,
		3 << 28, (1u << 30) + 77, MOST_PAGES - 2, MOST_PAGES - 1};
	struct test_rng rng = test_rng_start("few_pages");
	int fd = scratch_file("image");
	struct smi_qcow2_writer *writer =
		writer_rig_create(fd, MOST_PAGES, NULL);
	struct image image;

	for (unsigned int i = 0; i < 8; i++) {
		image_draw_page(&rng, 1 + i % 2, pages + i * PAGE_BYTES);
		writer_rig_data(writer, at[7 - i], 1, pages + i * PAGE_BYTES);
	}
	writer_rig_end(writer);
	assert_true(used_bytes(fd) < 16 << 20);
	image = image_open(fd);
	assert_int_equal(image.npages, MOST_PAGES);
	image_check(&image);
	for (unsigned int i = 0; i < 8; i++)
		check_page(&image, at[7 - i], pages + i * PAGE_BYTES);
	assert_int_equal(image_kind(&image, 1), IMAGE_UNALLOCATED);
	assert_int_equal(image_kind(&image, 1 << 29), IMAGE_UNALLOCATED);
	image_close(&image);
	close(fd);
	if (qemu_img_is_there())
		assert_qemu_checks("image");
}

static void zeros_over_another(void **state)
{
	const uint64_t npages = UINT64_C(2047) * 512 + 3;
	struct test_rng rng = test_rng_start("zeros_over_another");
	int fd = scratch_file("image");
	struct smi_qcow2_writer *writer =
		writer_rig_create(fd, npages, "below");
	static uint8_t zero[PAGE_BYTES];
	struct image image;

	image_draw_page(&rng, 2, pages);
	writer_rig_zeros(writer, 0, npages);
	writer_rig_data(writer, 700, 1, pages);
	writer_rig_end(writer);
	assert_true(used_bytes(fd) < 9 << 20); /* 8 bytes per page */
	image = image_open(fd);
	image_check(&image);
	check_page(&image, 700, pages);
	check_page(&image, 701, zero);
	check_page(&image, 0, zero);
	check_page(&image, npages - 1, zero);
	check_page(&image, npages / 2, zero);
	image_close(&image);
	close(fd);
	if (!qemu_img_is_there())
		return;
	assert_int_equal(QEMU_IMG("create", "-q", "-f", "qcow2", "below", "1G"),
			 0);
	assert_qemu_checks("image");
}

/* A whole disk of a TiB, as one call. */
static void zeros_alone(void **state)
{
	int fd = scratch_file("image");
	struct smi_qcow2_writer *writer =
		writer_rig_create(fd, MOST_PAGES, NULL);
	struct smi_qcow2_writer_stats stats;

	writer_rig_zeros(writer, 0, MOST_PAGES);
	stats = writer_rig_end(writer);
	assert_int_equal(stats.zero_pages, MOST_PAGES);
	assert_true(used_bytes(fd) < 1 << 20);
	close(fd);
	if (qemu_img_is_there())
		assert_qemu_checks("image");
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, few_pages, zeros_over_another,
	       zeros_alone)
