/* SPDX-License-Identifier: MIT */
/*
 * -EINVAL: pages beyond the disk, and images that the chain does not have.
 */
#include <errno.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"
#include "qcow2/format.h"
#include "sentence.h"

static void expect_refused(struct smi_qcow2_reader *reader, uint64_t first,
			   uint64_t npages, const char *sentence)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint8_t page[SMI_QCOW2_PAGE_BYTES];
	struct smi_qcow2_piece piece;
	int ret = smi_qcow2_reader_read(reader, first, npages, page, &err);

	expect_sentence(&err, ret, -EINVAL, sentence);
	smudge_error_clear(&err);
	ret = smi_qcow2_reader_piece(reader, first, first + npages, &piece,
				     &err);
	expect_sentence(&err, ret, -EINVAL, sentence);
}

static void beyond(void **state)
{
	/* The last page is not whole, so the disk has one page. */
	const struct builder_options options = {.disk_bytes = 8192 - 512};
	struct smi_qcow2_reader *reader;
	struct smi_qcow2_chain *chain;
	struct builder builder;
	struct smi_qcow2_piece piece;

	(void)state;
	builder_start(&builder, &options);
	builder_save(&builder, "image");
	chain = expect_chain("image");
	reader = expect_reader(chain, 0, 0);
	expect_refused(reader, 1, 1, "pages 1 to 2 of a disk of 1 pages");
	expect_refused(reader, 0, 2, "pages 0 to 2 of a disk of 1 pages");
	expect_refused(reader, 1, UINT64_MAX,
		       "pages 1 to 0 of a disk of 1 pages");
	assert_int_equal(smi_qcow2_reader_read(reader, 1, 0, NULL, NULL), 0);
	assert_int_equal(smi_qcow2_reader_piece(reader, 1, 1, &piece, NULL),
			 -EINVAL);
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
}

static void no_image(void **state)
{
	const struct builder_options options = {.disk_bytes = 8192};
	struct smi_qcow2_reader *reader = NULL;
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_qcow2_chain *chain;
	struct builder builder;
	int ret;

	(void)state;
	builder_start(&builder, &options);
	builder_save(&builder, "image");
	chain = expect_chain("image");
	ret = smi_qcow2_reader_create(chain, 0, 2, &reader, &err);
	expect_sentence(&err, ret, -EINVAL, "the chain has only 1 images");
	assert_int_equal(smi_qcow2_reader_create(chain, 1, 0, &reader, NULL),
			 -EINVAL);
	assert_null(reader);
	smi_qcow2_chain_close(chain);
}

TEST_MAIN_WITH(folder_create, folder_remove, beyond, no_image)
