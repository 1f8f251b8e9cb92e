/* SPDX-License-Identifier: MIT */
/*
 * A kernel that gives huge pages to every mapping, simulated by asking for
 * them: a bitmap's memory must follow what is dirty all the same.
 */
#include "support.h"

#include <sys/mman.h>

#include <smudge/bitmap.h>

#define MIB ((size_t)1 << 20)

void *__real_mmap(void *at, size_t length, int prot, int flags, int fd,
		  off_t offset);
void *__wrap_mmap(void *at, size_t length, int prot, int flags, int fd,
		  off_t offset);
void *__real_mmap64(void *at, size_t length, int prot, int flags, int fd,
		    off_t offset);
void *__wrap_mmap64(void *at, size_t length, int prot, int flags, int fd,
		    off_t offset);

static unsigned int nwrapped;

static void *as_always(void *base, size_t length)
{
	nwrapped++;
	if (base != MAP_FAILED)
		(void)madvise(base, length, MADV_HUGEPAGE);
	return base;
}

void *__wrap_mmap(void *at, size_t length, int prot, int flags, int fd,
		  off_t offset)
{
	return as_always(__real_mmap(at, length, prot, flags, fd, offset),
			 length);
}

void *__wrap_mmap64(void *at, size_t length, int prot, int flags, int fd,
		    off_t offset)
{
	return as_always(__real_mmap64(at, length, prot, flags, fd, offset),
			 length);
}

static void test_no_huge_pages(void **state)
{
	struct smudge_bitmap *bitmap = NULL;

	assert_int_equal(smudge_bitmap_create(UINT64_C(1) << 32, &bitmap, NULL),
			 0);
	assert_true(nwrapped >= 1);
	for (uint64_t page = 0; page < UINT64_C(1) << 32; page += 1 << 28)
		smudge_bitmap_mark(bitmap, page);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, UINT64_MAX), 16);
	assert_true(smudge_bitmap_resident_bytes(bitmap) < 2 * MIB);
	smudge_bitmap_destroy(bitmap);
}

TEST_MAIN(test_no_huge_pages)
