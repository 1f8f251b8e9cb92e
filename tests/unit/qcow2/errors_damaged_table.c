/* SPDX-License-Identifier: MIT */
/*
 * -EBADMSG for an L2 table that is not whole in the file, wherever L1 says it
 * is. Parts of the disk far from it stay readable.
 */
#include <errno.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"
#include "qcow2/format.h"

static void expect_damage(uint64_t l1_entry, const char *sentence)
{
	const struct builder_options options = {.disk_bytes = UINT64_C(1)
							      << 32};
	uint8_t page[SMI_QCOW2_PAGE_BYTES] = {1};
	struct smi_qcow2_reader *reader;
	struct smi_qcow2_chain *chain;
	struct builder builder;

	builder_start(&builder, &options);
	builder_raw(&builder, 0, page);
	builder_put(&builder, (size_t)builder.l1_off + 8 * 1000, l1_entry, 8);
	builder_save(&builder, "image");
	expect_no_page("image", 1000 * 512 + 7, -EBADMSG, sentence);
	chain = expect_chain("image");
	reader = expect_reader(chain, 0, 0);
	assert_int_equal(smi_qcow2_reader_read(reader, 0, 1, page, NULL), 0);
	assert_int_equal(page[0], 1);
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
}

static void not_in_file(void **state)
{
	static const char sentence[] =
		"image: L2 table 1000 is not at a cluster of the file";

	(void)state;
	expect_damage(512, sentence);
	expect_damage(4096 * 1000, sentence);
	expect_damage(SMI_QCOW2_OFFSET, sentence);
	expect_damage(SMI_QCOW2_OFFSET & ~UINT64_C(4095), sentence);
	expect_damage(UINT64_MAX, sentence);
}

/* A table is whole, or it is none: a cut file is noticed. */
static void cut_table(void **state)
{
	const struct builder_options options = {.disk_bytes = 8192};
	struct builder builder;

	(void)state;
	builder_start(&builder, &options);
	builder_zeros(&builder, 0);
	builder.length -= 8;
	builder_save(&builder, "image");
	expect_no_page("image", 0, -EBADMSG,
		       "image: L2 table 0 is not at a cluster of the file");
}

TEST_MAIN_WITH(folder_create, folder_remove, not_in_file, cut_table)
