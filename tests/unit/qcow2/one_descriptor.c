/* SPDX-License-Identifier: MIT */
/*
 * A chain has no descriptor open, and a reader one at a time, whatever the
 * chain's length: so it reads where only one more may be opened.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"
#include "qcow2/format.h"

#define PAGE	((size_t)SMI_QCOW2_PAGE_BYTES)
#define NIMAGES 50

static uint8_t disk[NIMAGES * PAGE];

static void make_chain(void)
{
	for (unsigned int i = 0; i < NIMAGES; i++) {
		char name[16], backing[16];
		struct builder_options options = {.disk_bytes = sizeof(disk)};
		struct builder builder;

		snprintf(name, sizeof(name), "%u", i);
		snprintf(backing, sizeof(backing), "%u", i - 1);
		options.backing = i ? backing : NULL;
		builder_start(&builder, &options);
		memset(disk + i * PAGE, (int)i + 1, PAGE);
		builder_raw(&builder, i, disk + i * PAGE);
		builder_save(&builder, name);
	}
}

static unsigned int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void one_at_a_time(void **state)
{
	static uint8_t bytes[sizeof(disk)];
	struct smi_qcow2_reader *reader;
	struct smi_qcow2_chain *chain;
	unsigned int before;
	struct rlimit limit;
	rlim_t usual;
	int next, ret;

	(void)state;
	make_chain();
	before = count_descriptors();
	next = dup(folder_fd);
	assert_true(next >= 0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	usual = limit.rlim_cur;
	limit.rlim_cur = (rlim_t)next + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	chain = expect_chain("49");
	reader = expect_reader(chain, 0, 0);
	ret = smi_qcow2_reader_read(reader, 0, NIMAGES, bytes, NULL);
	limit.rlim_cur = usual;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(ret, 0);
	assert_memory_equal(bytes, disk, sizeof(disk));
	assert_int_equal(count_descriptors(), before + 1);
	smi_qcow2_reader_rest(reader);
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(smi_qcow2_reader_read(reader, 0, 1, bytes, NULL), 0);
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
	assert_int_equal(count_descriptors(), before);
}

TEST_MAIN_WITH(folder_create, folder_remove, one_at_a_time)
