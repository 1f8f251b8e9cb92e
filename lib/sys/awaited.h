/* SPDX-License-Identifier: MIT */
/*
 * Memory whose missing pages a userfaultfd's reader brings (MISSING), or maps
 * (MINOR): a page that is not there yet does not read as zeros.
 */
#ifndef LIB_SYS_AWAITED_H
#define LIB_SYS_AWAITED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/pagemap.h"

/* All zeros: nothing is awaited. */
struct smi_sys_awaited {
	struct smi_sys_page_run *ranges; /* ascending */
	size_t nranges;
	bool is_unknown; /* then everything may be */
};

/*
 * smi_sys_awaited_find - look up what is registered now, in place of what was
 *
 * Blocks: while it reads /proc/self/smaps, for which the kernel walks the page
 * tables of the process: about 40 ms per GiB of mapped pages of 4 KiB.
 */
void smi_sys_awaited_find(struct smi_sys_awaited *awaited);
void smi_sys_awaited_free(struct smi_sys_awaited *awaited);

/*
 * smi_sys_awaited_next - the first part of [start, end) that is awaited
 * @ret_run: receives it; [end, end) if there is none
 */
void smi_sys_awaited_next(const struct smi_sys_awaited *awaited, uint64_t start,
			  uint64_t end, struct smi_sys_page_run *ret_run);

#endif
