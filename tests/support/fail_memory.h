/* SPDX-License-Identifier: MIT */
/*
 * Allocations that fail when a test wants it. The linker puts fail_memory.c
 * before libc: the executable's link arguments wrap malloc, calloc, realloc,
 * aligned_alloc and mmap64.
 */
#ifndef TESTS_SUPPORT_FAIL_MEMORY_H
#define TESTS_SUPPORT_FAIL_MEMORY_H

#include <stdbool.h>

/* The n-th allocation of this thread from now on fails, and no other. */
void fail_memory_at(unsigned int n);
/* What follows is not under test: no allocation fails. */
void fail_memory_off(void);
/* Was it reached, since fail_memory_at? */
bool fail_memory_has_failed(void);

#endif
