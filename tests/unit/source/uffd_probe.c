/* SPDX-License-Identifier: MIT */
/*
 * The probe's pages are unmapped when nothing of them is registered any more.
 * Otherwise another thread, which maps memory at their addresses at once and
 * tracks it, would find them taken, or lose its registration.
 */
#include <sys/mman.h>

#include <smudge/client.h>
#include <smudge/source.h>

#include "support.h"

#define NPAGES 4

int __real_munmap(void *start, size_t length);
int __wrap_munmap(void *start, size_t length);

static struct smudge_source *tracker; /* created, not attached */
static void *ram;		      /* what another thread mapped */
static int track_error = -1;

/* Another thread's RAM at this address, tracked. */
static int track(void *start)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.hva = start,
		.size_bytes = NPAGES * 4096,
	};
	const struct smudge_client_options client_options = {
		.size = sizeof(client_options),
		.name = "test",
	};
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client;
	int ret;

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	assert_int_equal(smudge_region_attach(region, tracker, 0, 0, NULL), 0);
	ret = smudge_client_open(memory, &client_options, &client, NULL);
	if (!ret)
		assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(tracker);
	tracker = NULL;
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	return ret;
}

int __wrap_munmap(void *start, size_t length)
{
	int ret = __real_munmap(start, length);

	if (!tracker || length != NPAGES * 4096)
		return ret;
	ram = mmap(start, length, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_ptr_equal(ram, start);
	track_error = track(ram);
	return ret;
}

static void test_addresses_again(void **state)
{
	struct smudge_source *probed;

	test_need_uffd();
	assert_int_equal(smudge_uffd_create(&tracker, NULL), 0);
	assert_int_equal(smudge_uffd_create(&probed, NULL), 0);
	assert_non_null(ram);
	assert_int_equal(track_error, 0);
	smudge_source_destroy(probed);
	assert_int_equal(__real_munmap(ram, NPAGES * 4096), 0);
}

TEST_MAIN(test_addresses_again)
