/* SPDX-License-Identifier: MIT */
/*
 * -EMEDIUMTYPE: what is not read is named.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"
#include "qcow2/format.h"

static void start(struct builder *builder)
{
	const struct builder_options options = {.disk_bytes = 40960};

	builder_start(builder, &options);
}

static const struct refused {
	size_t off;
	uint64_t value;
	unsigned int nbytes;
	const char *sentence;
} refused[] = {
	{0, 0x514649fa, 4, "image: is no qcow2 image"},
	{4, 1, 4, "image: qcow2 version 1 is not read, only 2 and 3"},
	{4, 4, 4, "image: qcow2 version 4 is not read, only 2 and 3"},
	{20, 9, 4,
	 "image: clusters of 512 bytes are not read, only 4096 and more "
	 "(qemu-img convert -o cluster_size=64K)"},
	{32, 1, 4, "image: encrypted images are not read"},
	{32, 2, 4, "image: encrypted images are not read"},
	{72, SMI_QCOW2_COMPRESSION | SMI_QCOW2_CORRUPT, 8,
	 "image: is marked corrupt"},
	{72, SMI_QCOW2_COMPRESSION | SMI_QCOW2_DATA_FILE, 8,
	 "image: external data files are not read"},
	{72, SMI_QCOW2_COMPRESSION | SMI_QCOW2_EXTENDED_L2, 8,
	 "image: extended L2 entries are not read (qemu-img convert without "
	 "extended_l2)"},
	{72, SMI_QCOW2_COMPRESSION | UINT64_C(1) << 63, 8,
	 "image: incompatible feature 63 is not read"},
	{104, 2, 1, "image: compression type 2 is not read, only zstd"},
};

static void in_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct builder builder;

		start(&builder);
		builder_put(&builder, refused[i].off, refused[i].value,
			    refused[i].nbytes);
		builder_save(&builder, "image");
		expect_no_chain("image", -EMEDIUMTYPE, refused[i].sentence);
	}
}

/* An unknown feature, with a table of names that has @name for it. */
static void expect_feature(const char *name, size_t length,
			   const char *sentence)
{
	uint8_t table[2 * 48] = {1, 40, 'n', 'o', [48] = 0, [49] = 40};
	const struct builder_options options = {
		.disk_bytes = 40960,
		.extension = SMI_QCOW2_EXT_FEATURE_NAMES,
		.payload = table,
		.payload_bytes = sizeof(table),
	};
	struct builder builder;

	memcpy(table + 50, name, length);
	builder_start(&builder, &options);
	/* It also makes the L1 table absurd, perhaps. */
	builder_put(&builder, 36, 0, 4);
	builder_put(&builder, 72, SMI_QCOW2_COMPRESSION | UINT64_C(1) << 40, 8);
	builder_save(&builder, "image");
	expect_no_chain("image", -EMEDIUMTYPE, sentence);
}

static void features_have_names(void **state)
{
	(void)state;
	expect_feature("new thing", 9,
		       "image: feature 40 (new thing) is not read");
	expect_feature("0123456789012345678901234567890123456789012345", 46,
		       "image: feature 40 "
		       "(0123456789012345678901234567890123456789012345) is "
		       "not read");
	expect_feature("new\033[2J", 7,
		       "image: incompatible feature 40 is not read");
	expect_feature("", 0, "image: incompatible feature 40 is not read");
}

/* Only where one is met. */
static void deflate(void **state)
{
	const struct builder_options options = {.disk_bytes = 8192,
						.is_deflate = true};
	struct builder builder;

	(void)state;
	builder_start(&builder, &options);
	builder_packed(&builder, 1, "x", 1);
	builder_save(&builder, "image");
	expect_no_page("image", 1, -EMEDIUMTYPE,
		       "image: deflate is not read, only zstd (qemu-img "
		       "convert -c -o compression_type=zstd)");
}

static void expect_format(const char *format, const char *sentence)
{
	const struct builder_options options = {
		.disk_bytes = 8192, .backing = "below", .format = format};
	struct builder builder;

	start(&builder);
	builder_save(&builder, "below");
	builder_start(&builder, &options);
	builder_save(&builder, "image");
	expect_no_chain("image", -EMEDIUMTYPE, sentence);
}

/* Whatever the file looks like: its bytes were to be taken as they are. */
static void backing_formats(void **state)
{
	(void)state;
	expect_format("raw", "image: its backing file's format is raw, which "
			     "is not read, only qcow2");
	expect_format("", "image: its backing file's format is , which is not "
			  "read, only qcow2");
	expect_format("qcow2\n", "image: its backing file's format is qcow2?, "
				 "which is not read, only qcow2");
}

/* The same without a format, as it is found out. */
static void raw_backing_file(void **state)
{
	const struct builder_options options = {.disk_bytes = 8192,
						.backing = "below"};
	struct builder builder;

	(void)state;
	builder_start(&builder, &options);
	builder_save(&builder, "image");
	folder_write("below", "raw bytes", 9);
	expect_no_chain("image", -EMEDIUMTYPE, "below: is no qcow2 image");
}

static void no_regular_file(void **state)
{
	struct builder builder;

	(void)state;
	start(&builder);
	builder_save(&builder, "image");
	assert_int_equal(mkdirat(folder_fd, "folder", 0700), 0);
	assert_int_equal(mkfifoat(folder_fd, "pipe", 0600), 0);
	assert_int_equal(symlinkat("image", folder_fd, "link"), 0);
	expect_no_chain("folder", -EMEDIUMTYPE, "folder: is no regular file");
	expect_no_chain("pipe", -EMEDIUMTYPE, "pipe: is no regular file");
	expect_no_chain("link", -EMEDIUMTYPE, "link: is no regular file");
	unlinkat(folder_fd, "folder", AT_REMOVEDIR);
}

TEST_MAIN_WITH(folder_create, folder_remove, in_header, features_have_names,
	       deflate, backing_formats, raw_backing_file, no_regular_file)
