/* SPDX-License-Identifier: MIT */
/*
 * Missing pages of zeros, of any kind of memory.
 */
#ifndef LIB_SYS_UFFD_ZEROS_H
#define LIB_SYS_UFFD_ZEROS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * smi_sys_uffd_bring_zeros - bring a page of zeros
 * @page_bytes: of the mapping
 * @zeros: so many bytes
 * @protects: it is clean for a tracker, if it was never brought before
 *
 * Return: as smi_sys_uffd_copy.
 */
int smi_sys_uffd_bring_zeros(int uffd, uint64_t start, uint64_t page_bytes,
			     const void *zeros, bool protects);

/* @bytes that read as zeros, and need no memory; NULL: no address space. */
void *smi_sys_uffd_zeros_map(uint64_t bytes);
void smi_sys_uffd_zeros_unmap(void *zeros, uint64_t bytes);

#endif
