/* SPDX-License-Identifier: MIT */
/*
 * The last call for a page decides, though several threads write: the same
 * pages again and again, by turns slow to write and quick.
 */
#include <string.h>
#include <unistd.h>

#include "qemu_img.h"
#include "writer_rig.h"

#define NPAGES	300
#define NKINDS	4
#define NROUNDS 60

static uint8_t pages[NKINDS][NPAGES * PAGE_BYTES];
static uint8_t disk[NPAGES * PAGE_BYTES], got[NPAGES * PAGE_BYTES];

static void write_round(struct test_rng *rng, struct smi_qcow2_writer *writer)
{
	unsigned int kind = (unsigned int)test_rng_below(rng, NKINDS + 1);
	uint64_t first = test_rng_below(rng, 50);
	uint64_t n = NPAGES - first;

	if (kind == NKINDS) {
		writer_rig_zeros(writer, first, n);
		memset(disk + first * PAGE_BYTES, 0, n * PAGE_BYTES);
	} else {
		writer_rig_data(writer, first, n, pages[kind]);
		memcpy(disk + first * PAGE_BYTES, pages[kind], n * PAGE_BYTES);
	}
}

static void last_call_decides(void **state)
{
	struct test_rng rng = test_rng_start("last_call_decides");
	struct smi_qcow2_writer_options options = {
		.npages = NPAGES, .compress = true, .nthreads = 6};

	for (unsigned int i = 0; i < NKINDS; i++)
		writer_rig_fill(&rng, i, pages[i], NPAGES);
	for (unsigned int i = test_rounds(10); i; i--) {
		struct smi_qcow2_writer *writer;
		struct image image;

		options.fd = scratch_file("image");
		assert_int_equal(
			smi_qcow2_writer_create(&options, &writer, NULL), 0);
		memset(disk, 0, sizeof(disk));
		for (unsigned int k = 0; k < NROUNDS; k++)
			write_round(&rng, writer);
		writer_rig_end(writer);
		image = image_open(options.fd);
		image_check(&image);
		memset(got, 0, sizeof(got));
		image_read_all(&image, got);
		assert_memory_equal(got, disk, sizeof(disk));
		image_close(&image);
		close(options.fd);
	}
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, last_call_decides)
