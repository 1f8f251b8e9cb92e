/* SPDX-License-Identifier: MIT */
/*
 * -ESTALE: a file is another one than when the chain was opened, or was cut
 * while it is open. One that is gone is -ENOENT.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"
#include "qcow2/format.h"
#include "sentence.h"

static struct smi_qcow2_chain *chain;
static struct smi_qcow2_reader *reader;
static uint8_t page[SMI_QCOW2_PAGE_BYTES];

static void save(const char *name)
{
	const struct builder_options options = {.disk_bytes = 8192};
	struct builder builder;

	builder_start(&builder, &options);
	builder_raw(&builder, 1, page);
	builder_save(&builder, name);
}

static void open_image(void)
{
	save("image");
	chain = expect_chain("image");
	reader = expect_reader(chain, 0, 0);
}

static void expect_failure(int code, const char *sentence)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_qcow2_piece piece;
	int ret = smi_qcow2_reader_read(reader, 1, 1, page, &err);

	expect_sentence(&err, ret, code, sentence);
	smi_qcow2_reader_destroy(reader);
	reader = expect_reader(chain, 0, 0);
	/* The descriptor is the old file's no more. */
	assert_int_not_equal(smi_qcow2_reader_piece(reader, 0, 2, &piece, NULL),
			     0);
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
}

#define WAS_REPLACED "image: was replaced or changed since it was opened"

static void replaced(void **state)
{
	(void)state;
	open_image();
	save("other");
	assert_int_equal(renameat(folder_fd, "other", folder_fd, "image"), 0);
	expect_failure(-ESTALE, WAS_REPLACED);
}

static void longer(void **state)
{
	(void)state;
	open_image();
	assert_int_equal(truncate("image", 1 << 20), 0);
	expect_failure(-ESTALE, WAS_REPLACED);
}

static void gone(void **state)
{
	(void)state;
	open_image();
	assert_int_equal(unlinkat(folder_fd, "image", 0), 0);
	expect_failure(-ENOENT,
		       "image: cannot be opened: No such file or directory");
}

static void cut_while_open(void **state)
{
	struct smi_qcow2_piece piece;

	(void)state;
	open_image();
	/* Its tables are read. */
	assert_int_equal(smi_qcow2_reader_piece(reader, 0, 2, &piece, NULL), 0);
	assert_int_equal(truncate("image", 8192), 0);
	expect_failure(-ESTALE, "image: was cut since it was opened");
}

TEST_MAIN_WITH(folder_create, folder_remove, replaced, longer, gone,
	       cut_while_open)
