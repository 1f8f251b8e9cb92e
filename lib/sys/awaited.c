/* SPDX-License-Identifier: MIT */
/*
 * The kernel tells by an errno whether a mapping is registered with any
 * userfaultfd, in a quarter of a microsecond; for what, it tells in smaps only.
 * So a mapping that is registered, and not with the library's own userfaultfd
 * for writes, is taken for one with missing pages.
 */
#include "sys/awaited.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/range.h"
#include "sys/smaps.h"
#include "sys/uffd.h"
#include "sys/uffd_use.h"

static uint64_t host_page_bytes(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static int open_uffd(void)
{
	uint64_t features;
	int uffd = smi_sys_uffd_open(true);

	if (uffd >= 0 && smi_sys_uffd_api(uffd, 0, &features) < 0) {
		close(uffd);
		uffd = -1;
	}
	return uffd < 0 ? -1 : uffd;
}

int smi_sys_awaited_open(struct smi_sys_awaited *awaited)
{
	void *unreadable = mmap(NULL, host_page_bytes(), PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*awaited = (struct smi_sys_awaited){.uffd = -1};
	if (unreadable == MAP_FAILED)
		return -ENOMEM;
	awaited->unreadable = unreadable;
	awaited->uffd = open_uffd();
	return 0;
}

void smi_sys_awaited_close(struct smi_sys_awaited *awaited)
{
	if (awaited->uffd >= 0)
		close(awaited->uffd);
	if (awaited->unreadable)
		munmap(awaited->unreadable, host_page_bytes());
	free(awaited->ranges);
	*awaited = (struct smi_sys_awaited){.uffd = -1};
}

static bool is_registered(const struct smi_sys_awaited *awaited, uint64_t start,
			  uint64_t *end)
{
	uint64_t tracked;

	if (smi_sys_uffd_is_registered(awaited->uffd, start, host_page_bytes(),
				       (uintptr_t)awaited->unreadable) == 0)
		return false;
	tracked = smi_sys_uffd_use_tracked(start, *end);
	if (tracked == start)
		return true;
	*end = tracked;
	return false;
}

bool smi_sys_awaited_is(const struct smi_sys_awaited *awaited, uint64_t start,
			uint64_t *end)
{
	if (awaited->uffd >= 0)
		return is_registered(awaited, start, end);
	if (!awaited->is_listed)
		return true;
	for (size_t i = 0; i < awaited->nranges; i++) {
		const struct smi_sys_page_run *range = &awaited->ranges[i];

		if (range->end <= start || range->start >= *end)
			continue;
		*end = min_u64(*end, range->start > start ? range->start
							  : range->end);
		return range->start <= start;
	}
	return false;
}

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

void smi_sys_awaited_list(struct smi_sys_awaited *awaited)
{
	if (awaited->uffd >= 0)
		return;
	awaited->nranges = 0;
	awaited->is_listed =
		smi_sys_smaps_each(0, UINT64_MAX, add, awaited) == 0;
}
