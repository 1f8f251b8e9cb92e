/* SPDX-License-Identifier: MIT */
/*
 * Pages that can be written without a fault are counted up to the first that
 * cannot: one never touched, or one that userfaultfd protects.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/harvest.h>
#include <smudge/client.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#include "support.h"
#include "sys/pagemap.h"

#define NPAGES 2000

static int pagemap;
static uint8_t *bytes;
static size_t page_bytes;

static int set_up(void **state)
{
	(void)state;
	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	pagemap = smi_sys_pagemap_open();
	bytes = mmap(NULL, NPAGES * page_bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return -1;
	return madvise(bytes, NPAGES * page_bytes, MADV_NOHUGEPAGE);
}

static int tear_down(void **state)
{
	(void)state;
	munmap(bytes, NPAGES * page_bytes);
	close(pagemap);
	return 0;
}

static size_t nready(size_t first, size_t npages)
{
	uint64_t start = (uintptr_t)bytes + first * page_bytes;

	return (smi_sys_pagemap_ready_end(pagemap, start,
					  start + npages * page_bytes) -
		start) /
	       page_bytes;
}

/* PAGEMAP_SCAN: Linux 6.7 */
static void need_scan(void)
{
	struct smi_sys_page_run run;

	if (smi_sys_pagemap_find_present(pagemap, (uintptr_t)bytes,
					 (uintptr_t)bytes + page_bytes, &run,
					 1) < 0)
		test_skip_without("uffd", "the kernel has no PAGEMAP_SCAN");
}

static void up_to_the_first_never_touched(void **state)
{
	static const size_t holes[] = {0, 1, 511, 512, 513, 1500, NPAGES - 1};

	(void)state;
	need_scan();
	assert_int_equal(nready(0, NPAGES), 0);
	for (size_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
		memset(bytes, 1, NPAGES * page_bytes);
		assert_int_equal(nready(0, NPAGES), NPAGES);
		assert_int_equal(madvise(bytes + holes[i] * page_bytes,
					 page_bytes, MADV_DONTNEED),
				 0);
		assert_int_equal(nready(0, NPAGES), holes[i]);
		if (holes[i])
			assert_int_equal(nready(0, holes[i]), holes[i]);
		if (holes[i] < NPAGES - 1)
			assert_int_equal(
				nready(holes[i] + 1, NPAGES - holes[i] - 1),
				NPAGES - holes[i] - 1);
	}
}

static void unknown_is_none(void **state)
{
	int fds[2];

	(void)state;
	memset(bytes, 1, NPAGES * page_bytes);
	assert_int_equal(smi_sys_pagemap_ready_end(-1, 4096, 8192), 4096);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(smi_sys_pagemap_ready_end(fds[0], 4096, 8192), 4096);
	close(fds[0]);
	close(fds[1]);
}

/* Watch all pages, none of which was written since. */
static struct smudge_client *watch(struct smudge_memory *memory,
				   struct smudge_source *source,
				   struct smudge_region **ret_region)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.hva = bytes,
		.size_bytes = NPAGES * page_bytes,
		.page_shift = (unsigned int)__builtin_ctzl(page_bytes),
	};
	const struct smudge_client_options of_client = {
		.size = sizeof(of_client), .name = "test"};
	struct smudge_client *client;

	assert_int_equal(smudge_region_add(memory, &options, ret_region, NULL),
			 0);
	assert_int_equal(smudge_region_attach(*ret_region, source, 0, 0, NULL),
			 0);
	assert_int_equal(smudge_client_open(memory, &of_client, &client, NULL),
			 0);
	assert_int_equal(smudge_memory_harvest(memory, NULL), 0);
	assert_int_equal(
		smudge_client_skip(client, *ret_region, 0, NPAGES, NULL), 0);
	return client;
}

static void up_to_the_first_protected(void **state)
{
	struct smudge_region *region;
	struct smudge_memory *memory;
	struct smudge_source *source;
	struct smudge_client *client;

	(void)state;
	test_need_uffd();
	need_scan();
	assert_int_equal(smudge_uffd_create(&source, NULL), 0);
	memset(bytes, 1, NPAGES * page_bytes);
	assert_int_equal(smudge_memory_create(&memory), 0);
	client = watch(memory, source, &region);
	assert_int_equal(nready(0, NPAGES), 0);
	memset(bytes, 2, 700 * page_bytes);
	assert_int_equal(nready(0, NPAGES), 700);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	smudge_source_destroy(source);
}

TEST_MAIN_WITH(set_up, tear_down, up_to_the_first_never_touched,
	       unknown_is_none, up_to_the_first_protected)
