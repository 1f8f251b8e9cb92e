/* SPDX-License-Identifier: MIT */
/*
 * Another process cuts the file behind its mappings, and makes it longer again,
 * while they are tracked. This process has maps of that file too. What cannot
 * be read is zeros when it is there again: it has no need to be reported then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process_rig.h"
#include "support.h"

#define NPAGES	   64
#define LEFT	   10
#define BYTES	   ((uint64_t)NPAGES * RIG_PAGE)
#define RW	   (PROT_READ | PROT_WRITE)
#define PAGE_AT(i) (at + (uint64_t)(i)*RIG_PAGE)

static const struct smudge_process_options by_uffd = {
	.size = sizeof(by_uffd), .method = SMUDGE_PROCESS_UFFD};

static struct process_rig rig;
static uint64_t at;
static int fd;

static void set_length(uint64_t npages)
{
	assert_int_equal(rig_syscall(&rig, SYS_ftruncate, (uint64_t)fd,
				     npages * RIG_PAGE),
			 0);
}

static void open_rig(int flags, bool is_memfd)
{
	char path[] = "/tmp/smudge-cut-XXXXXX";

	/* The child's is the same number. */
	fd = is_memfd ? memfd_create("cut", MFD_CLOEXEC)
		      : mkostemp(path, O_CLOEXEC);
	assert_return_code(fd, errno);
	if (!is_memfd)
		unlink(path);
	process_rig_start(&rig);
	close(fd);
	set_length(NPAGES);
	at = rig_mmap(&rig, 0, BYTES, RW, flags, fd);
	for (int i = 0; i < NPAGES; i++)
		rig_store(&rig, PAGE_AT(i), 1);
	process_rig_track(&rig, &by_uffd);
	rig_harvest(&rig);
	rig_clean(&rig);
}

static void expect_no_memory(int page)
{
	struct smudge_region *region = rig_region(&rig, PAGE_AT(page));
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint8_t byte;

	assert_non_null(region);
	assert_int_equal(smudge_region_read_bytes(
				 region,
				 PAGE_AT(page) - smudge_region_gpa(region), 1,
				 &byte, &err),
			 -EFAULT);
	assert_non_null(strstr(err.message, "has no memory at"));
}

/* Cut, and seen while it is short; each page that went is reported. */
static void cut(void)
{
	set_length(LEFT);
	rig_look(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), NPAGES - LEFT);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), NPAGES - LEFT);
	for (int i = 0; i < LEFT; i++)
		assert_false(rig_is_dirty(&rig, PAGE_AT(i)));
	expect_no_memory(LEFT);
	expect_no_memory(NPAGES - 1);
	assert_int_equal(rig_read(&rig, PAGE_AT(LEFT - 1)), 1);
	rig_clean(&rig);
	/* Without the privilege, a copy that is gone looks like one in swap. */
	if (geteuid() != 0)
		return;
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), 0);
}

/* Longer again: zeros, and what is stored then is reported. */
static void grow(void)
{
	set_length(NPAGES);
	for (int i = LEFT; i < NPAGES; i += 7)
		assert_int_equal(rig_read(&rig, PAGE_AT(i)), 0);
	for (int i = LEFT; i < NPAGES; i++)
		rig_store(&rig, PAGE_AT(i), 2);
	rig_harvest(&rig);
	assert_int_equal(
		rig_count(&rig, PAGE_AT(LEFT), BYTES - LEFT * RIG_PAGE),
		NPAGES - LEFT);
	assert_int_equal(rig_read(&rig, PAGE_AT(NPAGES - 1)), 2);
	rig_clean(&rig);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), 0);
}

static void cut_and_grow(int flags, bool is_memfd)
{
	test_need_uffd();
	open_rig(flags, is_memfd);
	for (int i = 0; i < 3; i++) {
		cut();
		grow();
	}
	/* All of the file, and the maps of it are let go while it is short. */
	set_length(0);
	rig_harvest(&rig);
	process_rig_stop(&rig);
}

static void shared_memfd(void **state)
{
	cut_and_grow(MAP_SHARED, true);
}

static void private_memfd(void **state)
{
	cut_and_grow(MAP_PRIVATE, true);
}

static void shared_file(void **state)
{
	cut_and_grow(MAP_SHARED, false);
}

static void private_file(void **state)
{
	cut_and_grow(MAP_PRIVATE, false);
}

/* As with write(2) to the file: the kernel stores to the page, not to an entry.
 */
static void inside_a_page_is_not_reported(void **state)
{
	test_need_uffd();
	open_rig(MAP_SHARED, true);
	assert_int_equal(rig_syscall(&rig, SYS_ftruncate, (uint64_t)fd,
				     LEFT * RIG_PAGE + 100),
			 0);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), NPAGES - LEFT - 1);
	assert_false(rig_is_dirty(&rig, PAGE_AT(LEFT)));
	assert_int_equal(rig_read(&rig, PAGE_AT(LEFT) + 99), 1);
	assert_int_equal(rig_read(&rig, PAGE_AT(LEFT) + 100), 0);
	process_rig_stop(&rig);
}

/* Attached while its mapping is longer than its file. */
static void short_at_the_start(void **state)
{
	test_need_uffd();
	process_rig_start(&rig);
	fd = rig_memfd(&rig, LEFT * RIG_PAGE);
	at = rig_mmap(&rig, 0, BYTES, RW, MAP_SHARED, fd);
	process_rig_track(&rig, &by_uffd);
	rig_harvest(&rig);
	rig_clean(&rig);
	expect_no_memory(LEFT);
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, at, BYTES), 0);
	grow();
	process_rig_stop(&rig);
}

TEST_MAIN(shared_memfd, private_memfd, shared_file, private_file,
	  inside_a_page_is_not_reported, short_at_the_start)
