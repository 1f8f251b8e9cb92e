/* SPDX-License-Identifier: MIT */
/*
 * A countdown over the allocations of a thread.
 */
#include "fail_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__real_mmap64(void *at, size_t length, int prot, int flags, int fd,
		    off_t offset);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_mmap64(void *at, size_t length, int prot, int flags, int fd,
		    off_t offset);

/* 0: none fails; 1: the next one does */
static _Thread_local unsigned int countdown;
static _Thread_local bool has_failed;

void fail_memory_at(unsigned int n)
{
	has_failed = false;
	countdown = n;
}

void fail_memory_off(void)
{
	countdown = 0;
}

bool fail_memory_has_failed(void)
{
	return has_failed;
}

static bool fails(void)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

void *__wrap_mmap64(void *at, size_t length, int prot, int flags, int fd,
		    off_t offset)
{
	if (fails())
		return MAP_FAILED;
	return __real_mmap64(at, length, prot, flags, fd, offset);
}
