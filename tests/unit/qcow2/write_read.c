/* SPDX-License-Identifier: MIT */
/*
 * What the writer writes the reader reads: a chain of images, all pages, and of
 * each page the image that has it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expect.h"
#include "folder.h"
#include "qemu_img.h"
#include "writer_rig.h"

#define NPAGES	1300
#define NIMAGES 12

static uint8_t disk[NPAGES * PAGE_BYTES];
/* Of a page: the number of its image, from the bottom; -1: none has it. */
static int number_of[NPAGES];
static size_t owners[NPAGES];

/* Draw new pages into the disk. Each is handed over once, as it is borrowed. */
static void write_run(struct test_rng *rng, struct smi_qcow2_writer *writer,
		      int number, uint64_t first, uint64_t n)
{
	static const uint8_t zeros[PAGE_BYTES];

	for (uint64_t i = first; i < first + n; i++) {
		uint8_t *page = disk + i * PAGE_BYTES;

		image_draw_page(rng, (unsigned int)test_rng_next(rng), page);
		number_of[i] = number;
		/* The lowest one has no zeros: they are in no image. */
		if (!number && !memcmp(page, zeros, PAGE_BYTES))
			number_of[i] = -1;
	}
	writer_rig_data(writer, first, n, disk + first * PAGE_BYTES);
}

static void zero_run(struct smi_qcow2_writer *writer, int number,
		     uint64_t first, uint64_t n)
{
	memset(disk + first * PAGE_BYTES, 0, n * PAGE_BYTES);
	for (uint64_t i = first; i < first + n; i++)
		number_of[i] = number ? number : -1;
	writer_rig_zeros(writer, first, n);
}

static void write_image(struct test_rng *rng, int number)
{
	char name[16], below[16];
	struct smi_qcow2_writer *writer;
	uint64_t page = test_rng_below(rng, 100);
	int fd;

	snprintf(name, sizeof(name), "image%d", number);
	snprintf(below, sizeof(below), "image%d", number - 1);
	fd = scratch_file(name);
	writer = writer_rig_create(fd, NPAGES, number ? below : NULL);
	while (page < NPAGES) {
		uint64_t n = 1 + test_rng_below(rng, 60);

		n = n < NPAGES - page ? n : NPAGES - page;
		if (test_rng_below(rng, 3))
			write_run(rng, writer, number, page, n);
		else
			zero_run(writer, number, page, n);
		page += n + test_rng_below(rng, 300);
	}
	writer_rig_end(writer);
	close(fd);
}

static void check_from(struct test_rng *rng, int top)
{
	struct smi_qcow2_chain *chain;
	struct smi_qcow2_reader *reader;
	char name[16];

	snprintf(name, sizeof(name), "image%d", top);
	chain = expect_chain(name);
	assert_int_equal(smi_qcow2_chain_nimages(chain), top + 1);
	reader = expect_reader(chain, 0, 0);
	for (uint64_t i = 0; i < NPAGES; i++)
		owners[i] = number_of[i] < 0 ? SMI_QCOW2_NOWHERE
					     : (size_t)(top - number_of[i]);
	expect_disk(reader, disk, NPAGES, owners, rng);
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
}

static void chain(void **state)
{
	struct test_rng rng = test_rng_start("chain");

	for (unsigned int i = test_rounds(3); i; i--) {
		memset(disk, 0, sizeof(disk));
		memset(number_of, 0xff, sizeof(number_of));
		for (int number = 0; number < NIMAGES; number++) {
			write_image(&rng, number);
			check_from(&rng, number);
		}
	}
}

TEST_MAIN_WITH(folder_create, folder_remove, chain)
