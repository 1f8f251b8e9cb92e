/* SPDX-License-Identifier: MIT */
/*
 * Zeros over whole L2 tables: QEMU reads them, and qemu-img check finds no
 * error once it has written to all tables but one.
 */
#include <string.h>
#include <unistd.h>

#include "qemu_img.h"
#include "writer_rig.h"

#define NPAGES (2 * 512)

static uint8_t disk[NPAGES * PAGE_BYTES];

static void write_image(const char *name, const char *backing_name,
			uint64_t first, uint64_t n)
{
	int fd = scratch_file(name);
	struct smi_qcow2_writer *writer =
		writer_rig_create(fd, NPAGES, backing_name);

	writer_rig_data(writer, first, n, disk + first * PAGE_BYTES);
	writer_rig_end(writer);
	close(fd);
}

static void write_zeros(const char *name, const char *backing_name)
{
	int fd = scratch_file(name);
	struct smi_qcow2_writer *writer =
		writer_rig_create(fd, NPAGES, backing_name);

	writer_rig_zeros(writer, 0, NPAGES);
	writer_rig_end(writer);
	close(fd);
}

static void qemu_writes(void **state)
{
	struct test_rng rng = test_rng_start("qemu_writes");

	qemu_img_need();
	writer_rig_fill(&rng, 1, disk, NPAGES);
	write_image("image0", NULL, 0, NPAGES);
	memset(disk, 0, sizeof(disk));
	write_zeros("image1", "image0");
	scratch_raw("raw", disk, NPAGES);
	assert_qemu_checks("image1");
	assert_qemu_reads("image1", "raw");
	/* A few pages in the second of two tables. */
	writer_rig_fill(&rng, 1, disk + 600 * PAGE_BYTES, 50);
	write_image("image2", "image1", 600, 50);
	scratch_raw("raw", disk, NPAGES);
	assert_qemu_reads("image2", "raw");
	assert_int_equal(QEMU_IMG("commit", "-q", "-b", "image1", "image2"), 0);
	assert_qemu_checks("image1");
	assert_qemu_reads("image1", "raw");
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, qemu_writes)
