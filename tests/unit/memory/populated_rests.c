/* SPDX-License-Identifier: MIT */
/*
 * What is kept open to ask which pages are populated is closed with the last
 * client, and opened again when it is needed.
 */
#include <dirent.h>
#include <sys/mman.h>

#include <smudge/client.h>
#include <smudge/memory.h>
#include <smudge/populated.h>

#include "support.h"

#define BYTES (UINT64_C(64) << 12)

static unsigned int count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(folder);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

static void ask(struct smudge_memory *memory, struct smudge_region *region)
{
	const struct smudge_client_options options = {
		.size = sizeof(options), .name = "asks", .marks_only = true};
	struct smudge_client *client;
	struct smudge_run run;

	assert_int_equal(smudge_client_open(memory, &options, &client, NULL),
			 0);
	assert_int_equal(
		smudge_region_next_populated(region, 0, 64, &run, NULL), 1);
	assert_int_equal(smudge_client_close(client), 0);
}

static void nothing_stays_open(void **state)
{
	struct smudge_region_options options = {
		.size = sizeof(options), .name = "ram", .size_bytes = BYTES};
	struct smudge_memory *memory;
	struct smudge_region *region;
	unsigned int before;

	options.hva = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(options.hva != MAP_FAILED);
	*(volatile char *)options.hva = 1;
	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	before = count_descriptors();
	for (int i = 0; i < 3; i++) {
		ask(memory, region);
		assert_int_equal(count_descriptors(), before);
	}
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	munmap(options.hva, BYTES);
}

TEST_MAIN(nothing_stays_open)
