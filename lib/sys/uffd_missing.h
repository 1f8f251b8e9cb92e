/* SPDX-License-Identifier: MIT */
/*
 * What the reader of the shared userfaultfd needs to bring missing pages
 * (sys/uffd_use.h: INSTALLING PAGES).
 */
#ifndef LIB_SYS_UFFD_MISSING_H
#define LIB_SYS_UFFD_MISSING_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/uffd_use.h"

/*
 * smi_sys_uffd_install_begin - pages of a range are about to be installed clean
 * smi_sys_uffd_install_end - they are
 * @ret_phase: to be passed to the end
 *
 * A tracker that begins meanwhile protects nothing before the end: it finds the
 * pages, and protects them. Blocks: on the lock. Threads: any.
 * Return: does a use track writes to any of the range? Then they have to be
 * protected as they are installed.
 */
bool smi_sys_uffd_install_begin(uint64_t start, uint64_t end,
				unsigned int *ret_phase);
void smi_sys_uffd_install_end(unsigned int phase);

/* As smi_sys_uffd_page_bytes, of a use's range; -EPERM: it is not alive. */
int smi_sys_uffd_use_page_bytes(const struct smi_sys_uffd_use *use,
				uint64_t *ret_page_bytes);

#endif
