/* SPDX-License-Identifier: MIT */
/*
 * PAGEMAP_SCAN (Linux 6.7): fetch what was written, and protect it again, in
 * one atomic step for each page; or only find it.
 */
#ifndef SMUDGE_SYS_PAGEMAP_H
#define SMUDGE_SYS_PAGEMAP_H

#include <stddef.h>
#include <stdint.h>

/* Addresses [start, end) of one run; the kernel's struct page_region. */
struct smi_page_region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

/*
 * The pagemap of this process, closed on exec. It stays bound to the address
 * space of the process that opened it, a child's included.
 * Return: the descriptor, or -errno.
 */
int smi_sys_pagemap_open(void);

/*
 * smi_sys_pagemap_take_written - find pages written since they were
 *      write-protected, and write-protect them again
 * @pagemap: descriptor of smi_sys_pagemap_open
 * @start, @end: addresses, whole pages
 * @regions: receives runs in ascending order, at most @max
 *
 * When @max runs are returned the range may hold more, from the last run's
 * end on. Fewer mean the range is done. The kernel's own walk_end is no test:
 * after 512 runs it keeps the address of the last flush to user memory
 * although the walk went on (seen up to 6.18).
 *
 * Failure: pages may be protected again already and are not reported, so all
 * of the range counts as written.
 * Return: number of runs, or -errno: -ENOTTY (no PAGEMAP_SCAN), -EPERM (a
 * mapping in the range is not registered for asynchronous protection),
 * -EINTR (a fatal signal), -ENOMEM.
 */
long smi_sys_pagemap_take_written(int pagemap, uint64_t start, uint64_t end,
				  struct smi_page_region *regions, size_t max);

/*
 * smi_sys_pagemap_find_written - the same pages, left as they are
 *
 * Nothing is protected, so what is found is found again, and a failure
 * changes nothing. Parameters and return value are those of
 * smi_sys_pagemap_take_written.
 */
long smi_sys_pagemap_find_written(int pagemap, uint64_t start, uint64_t end,
				  struct smi_page_region *regions, size_t max);

#endif
