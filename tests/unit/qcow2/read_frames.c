/* SPDX-License-Identifier: MIT */
/*
 * Compressed clusters that are more than one frame, as zstd allows it, and
 * data behind them, since an entry tells their end to a sector only.
 */
#include <string.h>
#include <zstd.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"
#include "qcow2/format.h"

#define PAGE ((size_t)SMI_QCOW2_PAGE_BYTES)

static uint8_t disk[PAGE];
static uint8_t data[4 * PAGE];
static size_t length;

static void add_frame(const uint8_t *bytes, size_t nbytes)
{
	size_t n = ZSTD_compress(data + length, sizeof(data) - length, bytes,
				 nbytes, 1);

	assert_false(ZSTD_isError(n));
	length += n;
}

static void add_skippable(void)
{
	static const uint8_t frame[] = {0x53, 0x2a, 0x4d, 0x18, 3,  0,
					0,    0,    'a',  'b',	'c'};

	memcpy(data + length, frame, sizeof(frame));
	length += sizeof(frame);
}

static void expect_page(void)
{
	const struct builder_options options = {.disk_bytes = PAGE};
	struct test_rng rng = test_rng_start("read_frames");
	struct builder builder;

	builder_start(&builder, &options);
	builder_packed(&builder, 0, data, length);
	builder_save(&builder, "image");
	expect_image("image", disk, 1, &rng);
	length = 0;
}

static void several_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < PAGE; i++)
		disk[i] = (uint8_t)(i / 100);
	add_frame(disk, 1000);
	add_skippable();
	add_frame(disk, 0);
	add_frame(disk + 1000, PAGE - 1000);
	expect_page();
}

static void more_data_behind(void **state)
{
	(void)state;
	add_frame(disk, PAGE);
	add_frame(disk, 100);
	memset(data + length, 0xff, 300);
	length += 300;
	expect_page();
}

TEST_MAIN_WITH(folder_create, folder_remove, several_frames, more_data_behind)
