/* SPDX-License-Identifier: MIT */
/*
 * The n-th allocation fails, for every n, as the userfaultfd source starts on
 * private and shared memory of files, or grows from the one to the other: it
 * returns -ENOMEM and succeeds when it is repeated; or it succeeds. Then every
 * drop is reported.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/client.h>
#include <smudge/source.h>

#include "fail_memory.h"
#include "support.h"

#define PAGE   4096
#define NPAGES 32 /* one half private, one half shared */

struct rig {
	uint8_t *ram;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
};

static void map_half(uint8_t *at, int flags)
{
	int fd = memfd_create("no-memory", MFD_CLOEXEC);

	assert_return_code(fd, errno);
	assert_int_equal(ftruncate(fd, NPAGES / 2 * PAGE), 0);
	assert_ptr_equal(mmap(at, NPAGES / 2 * PAGE, PROT_READ | PROT_WRITE,
			      flags | MAP_FIXED, fd, 0),
			 at);
	close(fd);
}

static void open_rig(struct rig *r, uint64_t npages)
{
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.size_bytes = npages * PAGE,
		.max_size_bytes = NPAGES * PAGE,
	};

	r->ram = mmap(NULL, NPAGES * PAGE, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(r->ram, MAP_FAILED);
	map_half(r->ram, MAP_PRIVATE);
	map_half(r->ram + NPAGES / 2 * PAGE, MAP_SHARED);
	options.hva = r->ram;
	assert_int_equal(smudge_memory_create(&r->memory), 0);
	assert_int_equal(
		smudge_region_add(r->memory, &options, &r->region, NULL), 0);
	assert_int_equal(smudge_uffd_create(&r->source, NULL), 0);
	assert_int_equal(smudge_region_attach(r->region, r->source, 0, 0, NULL),
			 0);
}

static void close_rig(struct rig *r)
{
	smudge_source_destroy(r->source);
	assert_int_equal(smudge_memory_destroy(r->memory, NULL), 0);
	munmap(r->ram, NPAGES * PAGE);
}

static int open_client(struct rig *r, struct smudge_client **ret)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "test"};

	return smudge_client_open(r->memory, &options, ret, NULL);
}

static void expect_drops(struct rig *r, struct smudge_client *client)
{
	uint64_t last = NPAGES - 1;

	memset(r->ram, 'W', NPAGES * PAGE);
	assert_int_equal(smudge_region_harvest(r->region, NULL), 0);
	assert_int_equal(smudge_client_skip(client, r->region, 0, NPAGES, NULL),
			 0);
	assert_int_equal(madvise(r->ram, PAGE, MADV_DONTNEED), 0);
	assert_int_equal(madvise(r->ram + last * PAGE, PAGE, MADV_REMOVE), 0);
	assert_int_equal(smudge_region_harvest(r->region, NULL), 0);
	assert_true(smudge_client_test(client, r->region, 0));
	assert_true(smudge_client_test(client, r->region, last));
	assert_int_equal(smudge_client_dirty_pages(client), 2);
}

static void test_every_allocation(void **state)
{
	bool has_failed = true;
	unsigned int n;
	struct rig r;

	test_need_uffd();
	open_rig(&r, NPAGES);
	for (n = 1; has_failed && n < 100; n++) {
		struct smudge_client *client;
		int ret;

		fail_memory_at(n);
		ret = open_client(&r, &client);
		fail_memory_off();
		has_failed = fail_memory_has_failed();
		if (ret != 0) {
			assert_int_equal(ret, -ENOMEM);
			assert_int_equal(open_client(&r, &client), 0);
		}
		expect_drops(&r, client);
		assert_int_equal(smudge_client_close(client), 0);
	}
	assert_in_range(n, 8, 99);
	close_rig(&r);
}

static void test_every_allocation_of_a_growth(void **state)
{
	bool has_failed = true;
	unsigned int n;
	struct rig r;

	test_need_uffd();
	open_rig(&r, NPAGES / 2);
	for (n = 1; has_failed && n < 100; n++) {
		struct smudge_client *client;
		struct smudge_error err;
		int ret;

		assert_int_equal(open_client(&r, &client), 0);
		fail_memory_at(n);
		ret = smudge_region_resize(r.region, NPAGES, &err);
		fail_memory_off();
		has_failed = fail_memory_has_failed();
		if (ret != 0) {
			assert_int_equal(ret, -ENOMEM);
			assert_string_equal(err.where, "uffd");
			assert_int_equal(smudge_region_npages(r.region),
					 NPAGES / 2);
			assert_int_equal(
				smudge_region_resize(r.region, NPAGES, NULL),
				0);
		}
		expect_drops(&r, client);
		assert_int_equal(
			smudge_region_resize(r.region, NPAGES / 2, NULL), 0);
		assert_int_equal(smudge_client_close(client), 0);
	}
	assert_in_range(n, 4, 99);
	close_rig(&r);
}

TEST_MAIN(test_every_allocation, test_every_allocation_of_a_growth)
