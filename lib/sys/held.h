/* SPDX-License-Identifier: MIT */
/*
 * Which pages does the page table of this process hold? Of private anonymous
 * memory these are the pages that were ever touched: mapped, in swap, or moving
 * between the two. All others read as zeros. The marker of a page that is
 * write-protected and was never touched does not count, if its word differs
 * from that of a page in swap (sys/marker.h).
 */
#ifndef LIB_SYS_HELD_H
#define LIB_SYS_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/marker.h"
#include "sys/pagemap.h"

struct smi_sys_held {
	int pagemap; /* or -1 */
	bool knows_marker;
	struct smi_sys_marker marker;
};

/*
 * smi_sys_held_open - begin to ask
 *
 * Without a pagemap, or with one that shows other pages, every page is held.
 * Return: 0, -ENOMEM; either way smi_sys_held_close may follow.
 */
int smi_sys_held_open(struct smi_sys_held *held);
void smi_sys_held_close(struct smi_sys_held *held);

/*
 * smi_sys_held_next - the first run of held pages
 * @start, @end: addresses, whole pages
 * @ret_run: receives its addresses; it may be continued behind its end. What
 *	cannot be known is held
 *
 * Return: false, when there is none.
 */
bool smi_sys_held_next(struct smi_sys_held *held, uint64_t start, uint64_t end,
		       struct smi_sys_page_run *ret_run);

#endif
