/* SPDX-License-Identifier: MIT */
/*
 * Which pages of this process's memory hold something, or may hold something?
 * The others read as zeros: nothing has touched them.
 */
#ifndef LIB_SYS_POPULATED_H
#define LIB_SYS_POPULATED_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/awaited.h"
#include "sys/content.h"
#include "sys/held.h"

/* One thread at a time. */
struct smi_sys_populated {
	int maps; /* or -1 */
	struct smi_sys_held held;
	struct smi_sys_content content;
	struct smi_sys_awaited awaited;
};

/*
 * What cannot be opened makes everything unknown, hence populated.
 * Return: 0, -ENOMEM; then it is closed.
 */
int smi_sys_populated_open(struct smi_sys_populated *populated);
void smi_sys_populated_close(struct smi_sys_populated *populated);

/*
 * smi_sys_populated_next - the first run of pages that are populated
 * @start, @end: addresses, whole pages
 * @ret_run: receives its addresses; it may be continued behind its end
 *
 * Return: false, when there is none.
 */
bool smi_sys_populated_next(struct smi_sys_populated *populated, uint64_t start,
			    uint64_t end, struct smi_sys_page_run *ret_run);

/* The same, of memory that awaits no page in the range, though it may be
   registered for it. */
bool smi_sys_populated_next_brought(struct smi_sys_populated *populated,
				    uint64_t start, uint64_t end,
				    struct smi_sys_page_run *ret_run);

#endif
