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

struct smi_sys_awaited {
	int uffd; /* to ask with; nothing is registered with it. Or -1: */
	void *unreadable; /* a page */
	bool is_listed;
	struct smi_sys_page_run *ranges; /* ascending */
	size_t nranges;
};

/* Return: 0, -ENOMEM; then it is closed. */
int smi_sys_awaited_open(struct smi_sys_awaited *awaited);
void smi_sys_awaited_close(struct smi_sys_awaited *awaited);

/*
 * smi_sys_awaited_is - may pages be awaited?
 * @start, @end: addresses in one mapping, whole pages; *@end is lowered to the
 *	end of what the answer is for
 *
 * What is registered with a userfaultfd that is not the library's counts as
 * awaited, also if it only tracks writes. Where this process may have no
 * userfaultfd, the answer is of the time of the last smi_sys_awaited_list.
 */
bool smi_sys_awaited_is(const struct smi_sys_awaited *awaited, uint64_t start,
			uint64_t *end);

/*
 * smi_sys_awaited_list - list what is awaited now, if it cannot be asked
 *
 * Blocks: while it reads /proc/self/smaps, for which the kernel walks the page
 * tables of the process: about 40 ms per GiB of mapped pages of 4 KiB.
 */
void smi_sys_awaited_list(struct smi_sys_awaited *awaited);

#endif
