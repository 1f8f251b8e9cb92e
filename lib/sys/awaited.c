/* SPDX-License-Identifier: MIT */
/*
 * Only smaps tells for what a mapping is registered, whichever userfaultfd it
 * is registered with.
 */
#include "sys/awaited.h"

#include <errno.h>
#include <stdlib.h>

#include "common/range.h"
#include "sys/smaps.h"

static int add(void *opaque, const struct smi_sys_smap *m)
{
	struct smi_sys_awaited *awaited = opaque;
	struct smi_sys_page_run *grown;

	if (!m->is_awaited)
		return 0;
	grown = realloc(awaited->ranges,
			(awaited->nranges + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[awaited->nranges++] =
		(struct smi_sys_page_run){m->start, m->end, 0};
	awaited->ranges = grown;
	return 0;
}

void smi_sys_awaited_find(struct smi_sys_awaited *awaited)
{
	awaited->nranges = 0;
	awaited->is_unknown =
		smi_sys_smaps_each(0, UINT64_MAX, add, awaited) < 0;
}

void smi_sys_awaited_free(struct smi_sys_awaited *awaited)
{
	free(awaited->ranges);
	*awaited = (struct smi_sys_awaited){0};
}

void smi_sys_awaited_next(const struct smi_sys_awaited *awaited, uint64_t start,
			  uint64_t end, struct smi_sys_page_run *ret_run)
{
	*ret_run = (struct smi_sys_page_run){end, end, 0};
	if (awaited->is_unknown)
		ret_run->start = start;
	for (size_t i = 0; i < awaited->nranges && !awaited->is_unknown; i++) {
		const struct smi_sys_page_run *range = &awaited->ranges[i];

		if (range->end <= start || range->start >= end)
			continue;
		ret_run->start = max_u64(range->start, start);
		ret_run->end = min_u64(range->end, end);
		return;
	}
}
