/* SPDX-License-Identifier: MIT */
/*
 * A chain of images, each over the one before it: zeros hide what is below,
 * what is not written shows it. qemu-img reads, converts and commits it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "qemu_img.h"
#include "writer_rig.h"

#define NPAGES	1100
#define NIMAGES 5

static uint8_t disk[NPAGES * PAGE_BYTES], got[NPAGES * PAGE_BYTES];
static uint8_t fresh[NPAGES * PAGE_BYTES];

static void write_some(struct test_rng *rng, struct smi_qcow2_writer *writer)
{
	uint64_t n = 1 + test_rng_below(rng, 90);
	uint64_t first = test_rng_below(rng, NPAGES - n);

	if (test_rng_below(rng, 3) == 0) {
		writer_rig_zeros(writer, first, n);
		memset(disk + first * PAGE_BYTES, 0, n * PAGE_BYTES);
		return;
	}
	/* Each page of @fresh is the disk's of the same number. */
	for (uint64_t i = first; i < first + n; i++)
		memcpy(disk + i * PAGE_BYTES, fresh + i * PAGE_BYTES,
		       PAGE_BYTES);
	writer_rig_data(writer, first, n, fresh + first * PAGE_BYTES);
}

static void read_over(int fd)
{
	struct image image = image_open(fd);

	image_check(&image);
	image_read_all(&image, got);
	assert_memory_equal(got, disk, sizeof(disk));
	image_close(&image);
	close(fd);
}

static void write_chain(struct test_rng *rng)
{
	char name[16], below[16];

	memset(disk, 0, sizeof(disk));
	memset(got, 0, sizeof(got));
	for (unsigned int i = 0; i < NIMAGES; i++) {
		struct smi_qcow2_writer *writer;
		int fd;

		snprintf(name, sizeof(name), "image%u", i);
		snprintf(below, sizeof(below), "image%u", i - 1);
		fd = scratch_file(name);
		writer = writer_rig_create(fd, NPAGES, i ? below : NULL);
		for (uint64_t page = 0; page < NPAGES; page++)
			image_draw_page(rng, (unsigned int)test_rng_next(rng),
					fresh + page * PAGE_BYTES);
		for (unsigned int k = 0; k < 12; k++)
			write_some(rng, writer);
		writer_rig_end(writer);
		read_over(fd);
	}
	scratch_raw("raw", disk, NPAGES);
}

static void naive_reader(void **state)
{
	struct test_rng rng = test_rng_start("naive_reader");

	write_chain(&rng);
}

static void qemu_reads(void **state)
{
	struct test_rng rng = test_rng_start("qemu_reads");

	qemu_img_need();
	write_chain(&rng);
	for (unsigned int i = 0; i < NIMAGES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "image%u", i);
		assert_qemu_checks(name);
	}
	assert_qemu_reads("image4", "raw");
	assert_int_equal(QEMU_IMG("convert", "-O", "qcow2", "-c", "-o",
				  "cluster_size=4k,compression_type=zstd",
				  "image4", "flat"),
			 0);
	assert_qemu_reads("flat", "raw");
}

/* QEMU also writes to them, so what it finds free is free. */
static void qemu_commits(void **state)
{
	struct test_rng rng = test_rng_start("qemu_commits");

	qemu_img_need();
	write_chain(&rng);
	assert_int_equal(QEMU_IMG("commit", "-q", "-b", "image1", "image4"), 0);
	assert_qemu_checks("image1");
	assert_qemu_reads("image1", "raw");
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, naive_reader, qemu_reads,
	       qemu_commits)
