/* SPDX-License-Identifier: MIT */
/*
 * Guard pages that no mapping shows (MADV_GUARD_INSTALL, Linux 6.13):
 * glibc 2.42 has one below the stack of each thread that it makes. Linux 6.15
 * tells which pages are some.
 */
#ifndef LIB_PROCESS_X86_GUARD_H
#define LIB_PROCESS_X86_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Further than this is not looked, in bytes. */
#define SMI_X86_GUARD_MOST_BYTES ((uint64_t)32 << 20)

/*
 * smi_x86_guard_bottom - the end of the guard page that is next below
 * @first: of the mapping that holds both, page-aligned
 * @sp: a stack pointer
 * @top: what is on the same stack if no guard page lies between
 *
 * Allocates nothing.
 * Return: 0: there is none, one lies between, one of them is too far away, or
 * it cannot be known.
 */
uint64_t smi_x86_guard_bottom(pid_t pid, uint64_t first, uint64_t sp,
			      uint64_t top);

#endif
