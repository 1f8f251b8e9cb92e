/* SPDX-License-Identifier: MIT */
/*
 * -EMLINK: a chain of one image more than is read. The longest one is read.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"
#include "qcow2/format.h"

static void save(unsigned int index, const char *backing)
{
	const struct builder_options options = {
		.disk_bytes = 8192, .backing = backing, .format = "qcow2"};
	uint8_t page[SMI_QCOW2_PAGE_BYTES];
	struct builder builder;
	char name[16];

	snprintf(name, sizeof(name), "%u", index);
	builder_start(&builder, &options);
	memset(page, 7, sizeof(page));
	if (!backing)
		builder_raw(&builder, 1, page);
	builder_save(&builder, name);
}

static void longest(void **state)
{
	struct test_rng rng = test_rng_start("errors_too_many");
	uint8_t disk[2 * SMI_QCOW2_PAGE_BYTES] = {0};
	char below[16];

	(void)state;
	save(0, NULL);
	for (unsigned int i = 1; i <= SMI_QCOW2_MAX_IMAGES; i++) {
		snprintf(below, sizeof(below), "%u", i - 1);
		save(i, below);
	}
	memset(disk + SMI_QCOW2_PAGE_BYTES, 7, SMI_QCOW2_PAGE_BYTES);
	expect_image("4095", disk, 2, &rng);
	expect_no_chain("4096", -EMLINK,
			"4096: more than 4096 images in a chain are not read");
}

TEST_MAIN_WITH(folder_create, folder_remove, longest)
