/* SPDX-License-Identifier: MIT */
/*
 * Memory that the mprotect source cannot track is refused when it starts, with
 * a sentence, and stays as it was.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <smudge/client.h>
#include <smudge/mprotect.h>

#include "support.h"

#define NPAGES 16
#define BYTES  (NPAGES * 4096)

static uint8_t *map(void)
{
	uint8_t *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

/* A memory with a region of @npages and a source; not watched yet. */
static struct smudge_memory *open_memory(void *hva, uint64_t npages,
					 struct smudge_source **ret_source)
{
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "ram",
						.hva = hva,
						.size_bytes = npages * 4096};
	struct smudge_memory *memory;
	struct smudge_region *region;

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	assert_int_equal(smudge_mprotect_create(ret_source, NULL), 0);
	assert_int_equal(smudge_region_attach(region, *ret_source, 0, 0, NULL),
			 0);
	return memory;
}

static int open_client(struct smudge_memory *memory,
		       struct smudge_client **ret_client,
		       struct smudge_error *err)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "test"};

	return smudge_client_open(memory, &options, ret_client, err);
}

static void expect_refusal(void *hva, int code, const char *says)
{
	struct smudge_client *client = NULL;
	struct smudge_error err = {0};
	struct smudge_source *source;
	struct smudge_memory *memory = open_memory(hva, NPAGES, &source);

	assert_int_equal(open_client(memory, &client, &err), code);
	assert_null(client);
	if (!strstr(err.message, says))
		fail_msg("\"%s\" does not say \"%s\"", err.message, says);
	smudge_source_destroy(source);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

/* Low, where the kernel maps nothing of the library's into the hole. */
static void check_hole(size_t page)
{
	uint8_t *ram =
		mmap((void *)0x10000000, BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	assert_ptr_not_equal(ram, MAP_FAILED);
	munmap(ram + page * 4096, 4096);
	expect_refusal(ram, -ENOMEM, "not mapped throughout");
	ram[0] = 1;
	munmap(ram, BYTES);
}

static void test_hole(void **state)
{
	check_hole(5);
	check_hole(NPAGES - 1);
}

/* What one fetched the other would never see. */
static void test_two_sources(void **state)
{
	struct smudge_client *client;
	struct smudge_source *source;
	uint8_t *ram = map();
	struct smudge_memory *memory =
		open_memory(ram + (size_t)15 * 4096, 1, &source);

	assert_int_equal(open_client(memory, &client, NULL), 0);
	expect_refusal(ram, -EBUSY, "another source of this kind");
	ram[0] = 1;
	ram[15 * 4096] = 1;
	assert_int_equal(smudge_memory_harvest(memory, NULL), 0);
	assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	munmap(ram, BYTES);
}

TEST_MAIN(test_hole, test_two_sources)
