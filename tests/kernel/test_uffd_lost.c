/* SPDX-License-Identifier: MIT */
/*
 * A target's mappings change between two steps of arming them, which then
 * fails: all is reported, by looks too, until it succeeds.
 *
 * The target is this process. Its mappings are said to be what a file says, so
 * that the change is one that happens each time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <smudge/smudge.h>

#include "source/uffd.h"
#include "support.h"
#include "sys/pagemap.h"
#include "sys/uffd.h"

#define NPAGES 64
#define PAGE   UINT64_C(4096)
#define BYTES  (NPAGES * PAGE)
/* Where the kernel maps nothing by itself, so what is free stays free. */
#define PLACE UINT64_C(0x200000000000)
#define FEATURES                                               \
	(SMI_SYS_UFFD_WP_ASYNC | SMI_SYS_UFFD_WP_UNPOPULATED | \
	 SMI_SYS_UFFD_WP_HUGETLBFS_SHMEM | SMI_SYS_UFFD_FLAG_WP)

static char folder[] = "/tmp/smudge-lost-XXXXXX";
static uint64_t at;
static struct smi_uffd_target target;
static struct smudge_memory *memory;
static struct smudge_region *region;
static struct smudge_client *client;
static struct smudge_source *source;

/* What the folder of the target in /proc says of both halves. */
static void say_mappings(const char *first, const char *second)
{
	FILE *maps;
	char path[64];

	snprintf(path, sizeof(path), "%s/maps", folder);
	maps = fopen(path, "we");
	assert_non_null(maps);
	fprintf(maps, "%lx-%lx %s\n%lx-%lx %s\n", at, at + BYTES / 2, first,
		at + BYTES / 2, at + BYTES, second);
	fclose(maps);
}

static int no_read(void *opaque, uint64_t offset_bytes, size_t length_bytes,
		   void *buffer, struct smudge_error *err)
{
	return smudge_error_set(err, -EIO, "test", "not for reading");
}

static void open_target(void)
{
	uint64_t has;

	assert_non_null(mkdtemp(folder));
	/* The second half is gone. */
	at = (uintptr_t)mmap(
		(void *)(uintptr_t)PLACE, BYTES / 2, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_int_equal(at, PLACE);
	memset((void *)(uintptr_t)at, 1, BYTES / 2);
	target.uffd = smi_sys_uffd_open(true);
	target.pagemap = target.own_pagemap = smi_sys_pagemap_open();
	target.proc = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	target.maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	assert_true(target.uffd >= 0 && target.pagemap >= 0 &&
		    target.proc >= 0 && target.maps >= 0);
	assert_int_equal(smi_sys_uffd_api(target.uffd, FEATURES, &has), 0);
}

static void track(void)
{
	const struct smudge_region_options options = {.size = sizeof(options),
						      .name = "target",
						      .gpa = at,
						      .size_bytes = BYTES,
						      .read = no_read};
	const struct smudge_client_options watch = {.size = sizeof(watch),
						    .name = "test"};

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	assert_int_equal(smi_uffd_create_for(&target, NULL, &source, NULL), 0);
	assert_int_equal(smudge_region_attach(region, source, 0, 0, NULL), 0);
	assert_int_equal(smudge_client_open(memory, &watch, &client, NULL), 0);
}

static void let_go(void)
{
	char path[64];

	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	smudge_source_destroy(source);
	snprintf(path, sizeof(path), "%s/maps", folder);
	unlink(path);
	rmdir(folder);
	munmap((void *)(uintptr_t)at, BYTES / 2);
}

static uint64_t skip_dirty(void)
{
	uint64_t n = smudge_client_count(client, region, 0, NPAGES);

	assert_int_equal(smudge_client_skip(client, region, 0, NPAGES, NULL),
			 0);
	return n;
}

static void all_is_reported_until_it_is_armed(void **state)
{
	static const char anonymous[] = "rw-p 00000000 00:00 0";
	static const char file[] = "rw-p 00000000 00:01 77 /memfd:x";

	test_need_uffd();
	open_target();
	say_mappings(anonymous, file);
	track();
	for (int i = 0; i < 3; i++) {
		skip_dirty();
		assert_int_equal(smudge_memory_look(memory, NULL), 0);
		assert_int_equal(skip_dirty(), NPAGES);
		assert_int_equal(smudge_memory_harvest(memory, NULL), 0);
		assert_int_equal(skip_dirty(), NPAGES);
	}
	say_mappings(anonymous, anonymous);
	assert_int_equal(smudge_memory_harvest(memory, NULL), 0);
	assert_int_equal(skip_dirty(), NPAGES);
	*(volatile char *)(uintptr_t)(at + 3 * PAGE) = 2;
	assert_int_equal(smudge_memory_look(memory, NULL), 0);
	assert_int_equal(skip_dirty(), 1);
	let_go();
}

TEST_MAIN(all_is_reported_until_it_is_armed)
