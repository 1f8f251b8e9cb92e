/* SPDX-License-Identifier: MIT */
/*
 * A scan that protects pages again and fails before it reports them: they count
 * as written, and as having content that may be dropped.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/client.h>
#include <smudge/source.h>

#include "support.h"
#include "sys/pagemap.h"

#define NPAGES 16
#define PAGE   4096

static long next_error; /* of the next scan, once */

long __real_smi_sys_pagemap_take_written(int pagemap, uint64_t start,
					 uint64_t end,
					 struct smi_sys_page_run *runs,
					 size_t max);
long __wrap_smi_sys_pagemap_take_written(int pagemap, uint64_t start,
					 uint64_t end,
					 struct smi_sys_page_run *runs,
					 size_t max);

long __wrap_smi_sys_pagemap_take_written(int pagemap, uint64_t start,
					 uint64_t end,
					 struct smi_sys_page_run *runs,
					 size_t max)
{
	long ret = __real_smi_sys_pagemap_take_written(pagemap, start, end,
						       runs, max);

	if (next_error)
		ret = next_error;
	next_error = 0;
	return ret;
}

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_client *client;
	char *ram;
};

static void clean(struct rig *r)
{
	assert_int_equal(
		smudge_client_skip(r->client, r->region, 0, NPAGES, NULL), 0);
}

/* All clean, in a private mapping of a file: a store makes a copy. */
static void open_rig(struct rig *r)
{
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.size_bytes = NPAGES * PAGE,
	};
	const struct smudge_client_options client_options = {
		.size = sizeof(client_options),
		.name = "test",
	};
	int fd = memfd_create("ram", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, NPAGES * PAGE), 0);
	r->ram = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		      fd, 0);
	close(fd);
	assert_ptr_not_equal(r->ram, MAP_FAILED);
	options.hva = r->ram;
	assert_int_equal(smudge_memory_create(&r->memory), 0);
	assert_int_equal(
		smudge_region_add(r->memory, &options, &r->region, NULL), 0);
	assert_int_equal(smudge_uffd_create(&r->source, NULL), 0);
	assert_int_equal(smudge_region_attach(r->region, r->source, 0, 0, NULL),
			 0);
	assert_int_equal(smudge_client_open(r->memory, &client_options,
					    &r->client, NULL),
			 0);
	assert_int_equal(smudge_memory_harvest(r->memory, NULL), 0);
	clean(r);
}

static void close_rig(struct rig *r)
{
	assert_int_equal(smudge_client_close(r->client), 0);
	smudge_source_destroy(r->source);
	assert_int_equal(smudge_memory_destroy(r->memory, NULL), 0);
	munmap(r->ram, NPAGES * PAGE);
}

/* Page 3 is written, the scan fails, and the page's copy is dropped. */
static void fail_scan(long error, int expected)
{
	struct rig r;

	test_need_uffd();
	open_rig(&r);
	*(volatile char *)(r.ram + 3 * PAGE) = 1;
	next_error = error;
	assert_int_equal(smudge_memory_harvest(r.memory, NULL), expected);
	assert_int_equal(next_error, 0);
	assert_true(smudge_client_test(r.client, r.region, 3));
	clean(&r);
	assert_int_equal(madvise(r.ram + 3 * PAGE, PAGE, MADV_DONTNEED), 0);
	assert_int_equal(smudge_memory_harvest(r.memory, NULL), 0);
	assert_true(smudge_client_test(r.client, r.region, 3));
	close_rig(&r);
}

/* It is repeated, and finds nothing any more. */
static void test_interrupted(void **state)
{
	fail_scan(-EINTR, 0);
}

static void test_failed(void **state)
{
	fail_scan(-ENOMEM, -ENOMEM);
}

TEST_MAIN(test_interrupted, test_failed)
