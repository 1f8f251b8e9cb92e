/* SPDX-License-Identifier: MIT */
/*
 * Writes that write a part, or are interrupted, are continued where they ended.
 */
#include <stdlib.h>
#include <unistd.h>

#include "fail_output.h"
#include "qemu_img.h"
#include "writer_rig.h"

#define NPAGES 700

static uint8_t disk[NPAGES * PAGE_BYTES], got[NPAGES * PAGE_BYTES];

static void parts(void **state)
{
	struct test_rng rng = test_rng_start("parts");
	int fd = scratch_file("image");
	struct smi_qcow2_writer *writer = writer_rig_create(fd, NPAGES, NULL);
	struct image image;

	for (uint64_t i = 0; i < NPAGES; i++)
		image_draw_page(&rng, (unsigned int)test_rng_next(&rng),
				disk + i * PAGE_BYTES);
	fail_output_short(true);
	writer_rig_data(writer, 0, NPAGES, disk);
	writer_rig_end(writer);
	fail_output_short(false);
	image = image_open(fd);
	image_check(&image);
	image_read_all(&image, got);
	assert_memory_equal(got, disk, sizeof(disk));
	image_close(&image);
	close(fd);
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, parts)
