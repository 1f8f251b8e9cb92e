/* SPDX-License-Identifier: MIT */
/*
 * Two hundred layers as the library writes them, compressed and not, read by
 * the library from the top and from the middle, and by qemu-img.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expect.h"
#include "folder.h"
#include "image_rig.h"
#include "qcow2/writer.h"
#include "qemu_img.h"

#define NLAYERS	     200
#define NPAGES	     8192
#define PAGES_CHANGE 50

static uint8_t *disk;
static struct smudge_error err;

/* A layer of some pages; those of zeros hide what is below. */
static void write_layer(unsigned int index, struct test_rng *rng)
{
	char name[16], backing[16];
	struct smi_qcow2_writer_options options = {
		.npages = NPAGES, .compress = index % 2, .nthreads = 1};
	struct smi_qcow2_writer_stats stats;
	struct smi_qcow2_writer *writer;

	snprintf(name, sizeof(name), "%u", index);
	snprintf(backing, sizeof(backing), "%u", index - 1);
	options.fd = scratch_file(name);
	options.backing_name = index ? backing : NULL;
	assert_int_equal(smi_qcow2_writer_create(&options, &writer, &err), 0);
	for (unsigned int i = 0; i < PAGES_CHANGE; i++) {
		uint64_t page = test_rng_below(rng, NPAGES);

		image_draw_page(rng,
				(unsigned int)test_rng_below(rng, IMAGE_NKINDS),
				disk + page * PAGE_BYTES);
		assert_int_equal(smi_qcow2_writer_data(writer, page, 1,
						       disk + page * PAGE_BYTES,
						       NULL, &err),
				 0);
		assert_int_equal(smi_qcow2_writer_drain(writer, &err), 0);
	}
	assert_int_equal(smi_qcow2_writer_finish(writer, &stats, &err), 0);
	smi_qcow2_writer_destroy(writer);
	close(options.fd);
}

static void two_hundred(void **state)
{
	struct test_rng rng = test_rng_start("long_chain");
	uint8_t *middle = malloc(NPAGES * PAGE_BYTES);
	char top[16], half[16];

	(void)state;
	disk = calloc(NPAGES, PAGE_BYTES);
	assert_true(disk && middle);
	for (unsigned int i = 0; i < NLAYERS; i++) {
		write_layer(i, &rng);
		if (i == NLAYERS / 2)
			memcpy(middle, disk, NPAGES * PAGE_BYTES);
	}
	snprintf(top, sizeof(top), "%u", NLAYERS - 1);
	snprintf(half, sizeof(half), "%u", NLAYERS / 2);
	expect_image(top, disk, NPAGES, &rng);
	expect_image(half, middle, NPAGES, &rng);
	if (qemu_img_is_there()) {
		scratch_raw("raw", disk, NPAGES);
		assert_qemu_reads(top, "raw");
	}
	free(middle);
	free(disk);
}

TEST_MAIN_WITH(folder_create, folder_remove, two_hundred)
