/* SPDX-License-Identifier: MIT */
/*
 * -EBADMSG for a header, one wrong number in each.
 */
#include <errno.h>
#include <string.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"
#include "qcow2/format.h"

static const struct wrong {
	size_t off;
	uint64_t value;
	unsigned int nbytes;
	const char *sentence;
} wrongs[] = {
	{8, 4092, 8, "image: its backing file's name leaves the first cluster"},
	{8, UINT64_MAX, 8,
	 "image: its backing file's name leaves the first cluster"},
	{8, 50, 8, "image: its backing file's name is in its header"},
	{16, 1024, 4, "image: its backing file's name is above 1023 bytes"},
	{16, UINT32_MAX, 4,
	 "image: its backing file's name is above 1023 bytes"},
	{20, 8, 4, "image: a cluster has 2^8 bytes"},
	{20, 22, 4, "image: a cluster has 2^22 bytes"},
	{20, UINT32_MAX, 4, "image: a cluster has 2^4294967295 bytes"},
	{24, 40961, 8, "image: its disk is not whole sectors"},
	{24, UINT64_MAX - 511, 8,
	 "image: its L1 table is too small for its disk"},
	{24, (UINT64_C(2) << 20) + 512, 8,
	 "image: its L1 table is too small for its disk"},
	{36, 0, 4, "image: its L1 table is too small for its disk"},
	{36, UINT32_MAX, 4, "image: its L1 table is above 32 MiB"},
	{40, 4104, 8, "image: its L1 table does not begin at a cluster"},
	{40, 1 << 20, 8, "image: its L1 table reaches beyond the file's end"},
	{40, UINT64_MAX - 4095, 8,
	 "image: its L1 table reaches beyond the file's end"},
	{72, 0, 8, "image: its compression type and its feature bit disagree"},
	{104, 0, 1, "image: its compression type and its feature bit disagree"},
	{96, 7, 4, "image: its refcounts are above 64 bits"},
	{100, 103, 4, "image: its header is too short"},
	{100, UINT32_MAX, 4, "image: its header exceeds a cluster"},
	{112 + 4, 4000, 4, "image: a header extension leaves its place"},
	{112 + 4, UINT32_MAX, 4, "image: a header extension leaves its place"},
};

static void start(struct builder *builder)
{
	const struct builder_options options = {
		.disk_bytes = 40960, .backing = "below", .format = "qcow2"};

	builder_start(builder, &options);
}

static void wrong_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const struct wrong *wrong = &wrongs[i];
		struct builder builder;

		start(&builder);
		builder_put(&builder, wrong->off, wrong->value, wrong->nbytes);
		builder_save(&builder, "image");
		expect_no_chain("image", -EBADMSG, wrong->sentence);
	}
}

/* Nothing is read beyond the end of a file, wherever it is cut. */
static void cut_anywhere(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_qcow2_chain *chain;
	struct builder builder;

	(void)state;
	start(&builder);
	for (size_t length = 0; length <= 4096; length++) {
		int ret;

		folder_write("image", builder.bytes, length);
		ret = smi_qcow2_chain_open(folder_fd, "image", &chain, &err);
		assert_int_equal(ret, length < 8 ? -EMEDIUMTYPE : -EBADMSG);
		assert_int_equal(err.code, ret);
		smudge_error_clear(&err);
	}
	builder_save(&builder, "image");
	expect_no_chain("image", -ENOENT,
			"below: cannot be opened: No such file or directory; "
			"image stands on it");
}

static void name_with_zero(void **state)
{
	struct builder builder;

	(void)state;
	start(&builder);
	/* One byte more than the name has. */
	builder_put(&builder, 16, strlen("below") + 1, 4);
	builder_save(&builder, "image");
	expect_no_chain("image", -EBADMSG,
			"image: its backing file's name has a byte 0");
}

TEST_MAIN_WITH(folder_create, folder_remove, wrong_numbers, cut_anywhere,
	       name_with_zero)
