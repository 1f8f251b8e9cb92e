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
 * Does a use track writes to any of the range? Then a page that is brought
 * clean has to be protected. A tracker that begins later protects it.
 * Blocks: on the lock. Threads: any.
 */
bool smi_sys_uffd_is_tracked(uint64_t start, uint64_t end);

/* As smi_sys_uffd_page_bytes, of a use's range; -EPERM: it is not alive. */
int smi_sys_uffd_use_page_bytes(const struct smi_sys_uffd_use *use,
				uint64_t *ret_page_bytes);

#endif
