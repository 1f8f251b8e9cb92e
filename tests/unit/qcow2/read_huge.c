/* SPDX-License-Identifier: MIT */
/*
 * Disks that are far larger than their files: nothing costs what the disk's
 * size says. Pages far from each other are read by turns.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"
#include "qcow2/format.h"

#define PAGE ((size_t)SMI_QCOW2_PAGE_BYTES)
#define TIB  (UINT64_C(1) << 40)

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* An L1 table of 32 MiB is a hole of the file; the disk has 2^49 pages. */
static void empty(void **state)
{
	const struct builder_options options = {.cluster_bits = 21};
	struct smi_qcow2_reader *reader;
	struct smi_qcow2_chain *chain;
	struct smi_qcow2_piece piece;
	struct builder builder;
	uint8_t page[PAGE];
	long before;

	(void)state;
	builder_start(&builder, &options);
	builder_put(&builder, 24, UINT64_C(1) << 61, 8);
	builder_put(&builder, 36, 1 << 22, 4);
	builder_save(&builder, "image");
	assert_int_equal(truncate("image", 34 << 20), 0);
	before = peak_kib();
	chain = expect_chain("image");
	reader = expect_reader(chain, 0, 0);
	assert_int_equal(smi_qcow2_chain_npages(chain, 0), UINT64_C(1) << 49);
	assert_int_equal(smi_qcow2_reader_piece(reader, 0, UINT64_C(1) << 49,
						&piece, NULL),
			 0);
	assert_int_equal(piece.npages, UINT64_C(1) << 49);
	assert_int_equal(piece.image, SMI_QCOW2_NOWHERE);
	page[0] = 1;
	assert_int_equal(smi_qcow2_reader_read(reader, (UINT64_C(1) << 49) - 1,
					       1, page, NULL),
			 0);
	assert_int_equal(page[0], 0);
	assert_in_range(peak_kib() - before, 0, 4096);
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
}

#define NPLACES 12

/* More places than a reader keeps windows, over two images. */
static void far_apart(void **state)
{
	struct builder_options options = {.cluster_bits = 16,
					  .disk_bytes = 32 * TIB};
	struct test_rng rng = test_rng_start("read_huge");
	struct smi_qcow2_reader *reader;
	struct smi_qcow2_chain *chain;
	uint64_t clusters[NPLACES];
	struct builder builder;
	uint8_t *bytes = malloc(65536);

	(void)state;
	assert_non_null(bytes);
	for (unsigned int i = 0; i < NPLACES; i++)
		clusters[i] = i * (32 * TIB >> 16) / NPLACES +
			      test_rng_below(&rng, 1 << 20);
	for (unsigned int top = 0; top < 2; top++) {
		options.backing = top ? "below" : NULL;
		builder_start(&builder, &options);
		for (unsigned int i = top; i < NPLACES; i += 2) {
			memset(bytes, (int)i + 1, 65536);
			builder_raw(&builder, clusters[i], bytes);
		}
		builder_save(&builder, top ? "image" : "below");
	}
	chain = expect_chain("image");
	reader = expect_reader(chain, 0, 0);
	for (unsigned int n = 0; n < 200; n++) {
		uint64_t i = test_rng_below(&rng, NPLACES);

		/* A page before it, and its first one. */
		assert_int_equal(smi_qcow2_reader_read(reader,
						       16 * clusters[i] - 1, 2,
						       bytes, NULL),
				 0);
		assert_int_equal(bytes[0], 0);
		assert_int_equal(bytes[PAGE], i + 1);
	}
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
	free(bytes);
}

/* All pieces of it: the parts without any page are passed over at once. */
static void pieces_far_apart(void **state)
{
	const struct builder_options options = {.cluster_bits = 16,
						.disk_bytes = 32 * TIB};
	uint64_t npages = 32 * TIB / PAGE, at = 0;
	struct smi_qcow2_reader *reader;
	struct smi_qcow2_chain *chain;
	struct builder builder;
	unsigned int npieces = 0;

	(void)state;
	builder_start(&builder, &options);
	builder_zeros(&builder, 100);
	builder_zeros(&builder, npages / 16 - 1);
	builder_save(&builder, "image");
	chain = expect_chain("image");
	reader = expect_reader(chain, 0, 0);
	for (; at < npages; npieces++) {
		struct smi_qcow2_piece piece;

		assert_int_equal(smi_qcow2_reader_piece(reader, at, npages,
							&piece, NULL),
				 0);
		assert_true(piece.is_zero);
		at += piece.npages;
	}
	assert_in_range(npieces, 4, 16);
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
}

/* One table for many parts of the disk, as for much that is zeros. */
static void shared_table(void **state)
{
	const struct builder_options options = {.disk_bytes = UINT64_C(1)
							      << 30};
	uint64_t npages = options.disk_bytes / PAGE;
	struct smi_qcow2_reader *reader;
	struct smi_qcow2_chain *chain;
	uint8_t page[PAGE] = {0};
	struct builder builder;
	uint64_t table;

	(void)state;
	builder_start(&builder, &options);
	page[0] = 5;
	builder_raw(&builder, 3, page);
	table = builder_entry_off(&builder, 0);
	for (uint64_t i = 1; i < npages / 512; i++) {
		if (i % 7)
			builder_put(&builder, (size_t)(builder.l1_off + 8 * i),
				    table, 8);
	}
	builder_save(&builder, "image");
	chain = expect_chain("image");
	reader = expect_reader(chain, 0, 0);
	for (uint64_t i = 0; i < npages / 512; i++) {
		page[0] = 1;
		assert_int_equal(smi_qcow2_reader_read(reader, i * 512 + 3, 1,
						       page, NULL),
				 0);
		assert_int_equal(page[0], i && i % 7 == 0 ? 0 : 5);
	}
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
}

TEST_MAIN_WITH(folder_create, folder_remove, empty, far_apart, pieces_far_apart,
	       shared_table)
