/* SPDX-License-Identifier: MIT */
/*
 * A reader of single pages that are waited for reads the same as another one,
 * and less of the tables.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expect.h"
#include "folder.h"
#include "qemu_img.h"
#include "writer_rig.h"

#define NPAGES	12000 /* of 24 tables */
#define NIMAGES 3

static size_t nread_bytes; /* of tables: data are read by preadv(2) */

ssize_t __real_pread64(int fd, void *bytes, size_t length, off_t off);
ssize_t __wrap_pread64(int fd, void *bytes, size_t length, off_t off);

ssize_t __wrap_pread64(int fd, void *bytes, size_t length, off_t off)
{
	nread_bytes += length;
	return __real_pread64(fd, bytes, length, off);
}

static uint8_t disk[NPAGES * (size_t)PAGE_BYTES];
static uint8_t bytes[NPAGES * (size_t)PAGE_BYTES];
static const char *const names[] = {NULL, "image0", "image1", "image2"};

/* Each image has some pages of each of its tables. */
static void write_chain(struct test_rng *rng)
{
	memset(disk, 0, sizeof(disk));
	for (unsigned int i = 0; i < NIMAGES; i++) {
		int fd = scratch_file(names[i + 1]);
		struct smi_qcow2_writer *writer =
			writer_rig_create(fd, NPAGES, names[i]);
		uint64_t page = 0;

		for (; page < NPAGES; page += 1 + test_rng_below(rng, 200)) {
			uint8_t *at = disk + page * PAGE_BYTES;

			image_draw_page(rng, (unsigned int)test_rng_next(rng),
					at);
			writer_rig_data(writer, page, 1, at);
		}
		writer_rig_end(writer);
		close(fd);
	}
}

static void expect_pages(struct smi_qcow2_reader *reader, uint64_t first,
			 uint64_t n)
{
	assert_int_equal(smi_qcow2_reader_read(reader, first, n, bytes, NULL),
			 0);
	assert_memory_equal(bytes, disk + first * PAGE_BYTES, n * PAGE_BYTES);
}

static size_t bytes_for_a_page(const struct smi_qcow2_chain *chain,
			       bool is_awaited, uint64_t page)
{
	struct smi_qcow2_reader *reader = expect_reader(chain, 0, 0);

	if (is_awaited)
		smi_qcow2_reader_await(reader);
	nread_bytes = 0;
	expect_pages(reader, page, 1);
	smi_qcow2_reader_destroy(reader);
	return nread_bytes;
}

static void it_reads_the_same(void **state)
{
	struct test_rng rng = test_rng_start("read_awaited");
	struct smi_qcow2_reader *reader;
	struct smi_qcow2_chain *chain;

	write_chain(&rng);
	chain = expect_chain(names[NIMAGES]);
	reader = expect_reader(chain, 0, 0);
	smi_qcow2_reader_await(reader);
	for (unsigned int i = test_rounds(300); i; i--) {
		uint64_t n = 1 + test_rng_below(&rng, test_rng_below(&rng, 20)
							      ? 20
							      : 5000);
		uint64_t first = test_rng_below(&rng, NPAGES - n + 1);

		expect_pages(reader, first, n);
	}
	expect_pages(reader, 0, NPAGES);
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
}

static void it_reads_less(void **state)
{
	struct test_rng rng = test_rng_start("read_awaited less");
	struct smi_qcow2_chain *chain;

	write_chain(&rng);
	chain = expect_chain(names[NIMAGES]);
	for (unsigned int i = test_rounds(10); i; i--) {
		uint64_t page = test_rng_below(&rng, 8192);

		/* A table, and its entry of another one. */
		assert_true(bytes_for_a_page(chain, true, page) <=
			    NIMAGES * (4096 + 8));
		assert_true(bytes_for_a_page(chain, false, page) >=
			    NIMAGES * 8 * 4096);
	}
	smi_qcow2_chain_close(chain);
}

TEST_MAIN_WITH(folder_create, folder_remove, it_reads_the_same, it_reads_less)
