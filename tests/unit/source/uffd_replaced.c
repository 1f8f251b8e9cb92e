/* SPDX-License-Identifier: MIT */
/*
 * A target replaces a mapping between the question what it is and its
 * registration: then the new one is registered, and no scan tells it from the
 * old one. What it is must be known all the same, or the drops of its copies
 * are lost.
 *
 * The target is this process, which replaces the mapping at that moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/client.h>
#include <smudge/source.h>

#include "process/proc_dir.h"
#include "source/uffd.h"
#include "support.h"
#include "sys/pagemap.h"
#include "sys/uffd.h"

#define NPAGES 16
#define PAGE   4096
#define BYTES  ((size_t)NPAGES * PAGE)
#define COPY   5 /* a page with a copy of its own */
#define FEATURES                                               \
	(SMI_SYS_UFFD_WP_ASYNC | SMI_SYS_UFFD_WP_UNPOPULATED | \
	 SMI_SYS_UFFD_WP_HUGETLBFS_SHMEM | SMI_SYS_UFFD_FLAG_WP)

int __real_smi_sys_uffd_register(int uffd, uint64_t start,
				 uint64_t length_bytes, unsigned int modes);
int __wrap_smi_sys_uffd_register(int uffd, uint64_t start,
				 uint64_t length_bytes, unsigned int modes);
int __real_smi_sys_uffd_is_hugetlb(int uffd, uint64_t start,
				   uint64_t length_bytes);
int __wrap_smi_sys_uffd_is_hugetlb(int uffd, uint64_t start,
				   uint64_t length_bytes);

static struct smi_uffd_target target;
static struct smudge_memory *memory;
static struct smudge_region *region;
static struct smudge_source *source;
static struct smudge_client *client;
static volatile char *ram;
/* The next registration, or the next question, is too late. */
static bool is_late_to_register, is_late_to_ask;

static void map(int flags)
{
	int fd = -1;
	void *at;

	if (!(flags & MAP_ANONYMOUS)) {
		fd = memfd_create("ram", MFD_CLOEXEC);
		assert_int_equal(ftruncate(fd, BYTES), 0);
	}
	at = mmap((void *)ram, BYTES, PROT_READ | PROT_WRITE,
		  flags | (ram ? MAP_FIXED : 0), fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	ram = at;
	ram[0] = 1;
	if (fd >= 0)
		close(fd);
}

int __wrap_smi_sys_uffd_register(int uffd, uint64_t start,
				 uint64_t length_bytes, unsigned int modes)
{
	if (is_late_to_register)
		map(MAP_PRIVATE);
	is_late_to_register = false;
	return __real_smi_sys_uffd_register(uffd, start, length_bytes, modes);
}

int __wrap_smi_sys_uffd_is_hugetlb(int uffd, uint64_t start,
				   uint64_t length_bytes)
{
	if (is_late_to_ask)
		map(MAP_PRIVATE);
	is_late_to_ask = false;
	return __real_smi_sys_uffd_is_hugetlb(uffd, start, length_bytes);
}

static int no_read(void *opaque, uint64_t offset_bytes, size_t length_bytes,
		   void *buffer, struct smudge_error *err)
{
	return smudge_error_set(err, -EIO, "test", "not for reading");
}

static void open_target(void)
{
	uint64_t has;

	test_need_uffd();
	target.uffd = smi_sys_uffd_open(true);
	target.proc = smi_proc_dir_open(getpid());
	target.maps = openat(target.proc, "maps", O_RDONLY | O_CLOEXEC);
	target.pagemap = target.own_pagemap = smi_sys_pagemap_open();
	assert_true(target.uffd >= 0 && target.proc >= 0 && target.maps >= 0 &&
		    target.pagemap >= 0);
	assert_int_equal(smi_sys_uffd_api(target.uffd, FEATURES, &has), 0);
}

static uint64_t skip_dirty(void)
{
	uint64_t n = smudge_client_count(client, region, 0, NPAGES);

	assert_int_equal(smudge_client_skip(client, region, 0, NPAGES, NULL),
			 0);
	return n;
}

static uint64_t harvest(void)
{
	assert_int_equal(smudge_region_harvest(region, NULL), 0);
	return skip_dirty();
}

static void track(void)
{
	const struct smudge_region_options options = {.size = sizeof(options),
						      .name = "target",
						      .gpa = (uintptr_t)ram,
						      .size_bytes = BYTES,
						      .read = no_read};
	const struct smudge_client_options watch = {.size = sizeof(watch),
						    .name = "test"};

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	assert_int_equal(smi_uffd_create_for(&target, NULL, &source, NULL), 0);
	assert_int_equal(smudge_region_attach(region, source, 0, 0, NULL), 0);
	assert_int_equal(smudge_client_open(memory, &watch, &client, NULL), 0);
	skip_dirty();
}

static void let_go(void)
{
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	smudge_source_destroy(source);
	close(target.uffd);
	close(target.proc);
	close(target.maps);
	close(target.pagemap);
	munmap((void *)ram, BYTES);
	ram = NULL;
}

/* A private page that is stored to, and then dropped and read again. */
static void expect_drop_is_reported(void)
{
	ram[COPY * PAGE] = 1;
	assert_true(harvest() >= 1);
	assert_int_equal(
		madvise((void *)(ram + COPY * PAGE), PAGE, MADV_DONTNEED), 0);
	assert_int_equal(ram[COPY * PAGE], 0);
	assert_int_equal(smudge_region_harvest(region, NULL), 0);
	assert_true(smudge_client_test(client, region, COPY));
	skip_dirty();
	assert_int_equal(harvest(), 0);
}

static void anonymous_memory_becomes_a_file(void **state)
{
	open_target();
	map(MAP_PRIVATE | MAP_ANONYMOUS);
	track();
	map(MAP_PRIVATE | MAP_ANONYMOUS);
	is_late_to_register = true;
	assert_int_equal(harvest(), NPAGES);
	assert_false(is_late_to_register);
	expect_drop_is_reported();
	let_go();
}

static void shared_memory_becomes_private(void **state)
{
	open_target();
	map(MAP_SHARED);
	is_late_to_ask = true;
	track();
	assert_false(is_late_to_ask);
	expect_drop_is_reported();
	let_go();
}

TEST_MAIN(anonymous_memory_becomes_a_file, shared_memory_becomes_private)
