/* SPDX-License-Identifier: MIT */
/*
 * A harvest meets a page that the kernel is migrating. In pagemap it looks as
 * if it were in swap, whether it is a copy that belongs to the process, or the
 * file's page, which is mapped again after the copy was dropped.
 *
 * The words are what the kernel says of such a page; to have it migrate one at
 * that moment would take luck.
 */
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/client.h>
#include <smudge/source.h>

#include "support.h"
#include "sys/pagemap.h"

#define NPAGES 16
#define PAGE   4096
#define COPY   3 /* a page with a copy of its own */

/* A type of swap that only migration has, below a frame. */
#define MIGRATION   UINT64_C(29)
#define TYPE_BITS   5
#define ADDRESS(at) ((uintptr_t)(at) / PAGE)

static uint64_t migrated; /* this page, by its number; or 0 */
static bool sees_frames;

int __real_smi_sys_pagemap_words(int pagemap, uint64_t first_page,
				 size_t npages, uint64_t *words);
int __wrap_smi_sys_pagemap_words(int pagemap, uint64_t first_page,
				 size_t npages, uint64_t *words);

static uint64_t migrating(uint64_t word)
{
	uint64_t frame = word & SMI_SYS_PAGEMAP_FRAME;

	assert_true(word & SMI_SYS_PAGEMAP_PRESENT);
	sees_frames = frame;
	if (frame)
		frame = (frame << TYPE_BITS | MIGRATION) &
			SMI_SYS_PAGEMAP_FRAME;
	word &= ~(SMI_SYS_PAGEMAP_PRESENT | SMI_SYS_PAGEMAP_FRAME);
	return word | SMI_SYS_PAGEMAP_SWAPPED | frame;
}

int __wrap_smi_sys_pagemap_words(int pagemap, uint64_t first_page,
				 size_t npages, uint64_t *words)
{
	int ret = __real_smi_sys_pagemap_words(pagemap, first_page, npages,
					       words);

	if (!ret && migrated >= first_page && migrated - first_page < npages)
		words[migrated - first_page] =
			migrating(words[migrated - first_page]);
	return ret;
}

static struct smudge_memory *memory;
static struct smudge_region *region;
static struct smudge_source *source;
static struct smudge_client *client;
static volatile char *ram;

/* All clean, in a private mapping of a file; one page is a copy. */
static void open_rig(void)
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
	options.hva = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE, fd, 0);
	close(fd);
	assert_ptr_not_equal(options.hva, MAP_FAILED);
	ram = options.hva;
	ram[COPY * PAGE] = 1;
	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	assert_int_equal(smudge_uffd_create(&source, NULL), 0);
	assert_int_equal(smudge_region_attach(region, source, 0, 0, NULL), 0);
	assert_int_equal(
		smudge_client_open(memory, &client_options, &client, NULL), 0);
	assert_int_equal(smudge_client_skip(client, region, 0, NPAGES, NULL),
			 0);
}

static void close_rig(void)
{
	assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	munmap((void *)ram, NPAGES * PAGE);
}

/* How many pages a harvest reports while the page is migrated. */
static uint64_t harvest(void)
{
	uint64_t n;

	migrated = ADDRESS(ram + COPY * PAGE);
	assert_int_equal(smudge_region_harvest(region, NULL), 0);
	migrated = 0;
	n = smudge_client_count(client, region, 0, NPAGES);
	assert_int_equal(smudge_client_skip(client, region, 0, NPAGES, NULL),
			 0);
	return n;
}

static void dropped_and_read(void **state)
{
	test_need_uffd();
	open_rig();
	assert_int_equal(
		madvise((void *)(ram + COPY * PAGE), PAGE, MADV_DONTNEED), 0);
	assert_int_equal(ram[COPY * PAGE], 0);
	assert_int_equal(harvest(), 1);
	assert_int_equal(harvest(), 0);
	close_rig();
}

/* It is there still; who may not see frames cannot know. */
static void copy(void **state)
{
	test_need_uffd();
	open_rig();
	assert_int_equal(harvest(), sees_frames ? 0 : 1);
	assert_int_equal(
		madvise((void *)(ram + COPY * PAGE), PAGE, MADV_DONTNEED), 0);
	assert_int_equal(ram[COPY * PAGE], 0);
	assert_int_equal(harvest(), 1);
	close_rig();
}

TEST_MAIN(dropped_and_read, copy)
