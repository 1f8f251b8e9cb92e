/* SPDX-License-Identifier: MIT */
/*
 * Reading and clearing the process's soft-dirty bits, page by page.
 */
#include "source/soft_dirty_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/range.h"
#include "sys/pagemap.h"

#define WHERE "soft_dirty"

/* Pages whose words are read by one call. */
#define NREAD 512

void smi_soft_dirty_fds_close(struct smi_soft_dirty_fds *fds)
{
	if (fds->pagemap >= 0)
		close(fds->pagemap);
	if (fds->clear_refs >= 0)
		close(fds->clear_refs);
}

int smi_soft_dirty_fds_open(struct smi_soft_dirty_fds *fds,
			    struct smudge_error *err)
{
	fds->clear_refs = -1;
	fds->pagemap = smi_sys_pagemap_open();
	if (fds->pagemap < 0)
		return smi_sys_pagemap_refused(WHERE, "pagemap", fds->pagemap,
					       err);
	fds->clear_refs = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	if (fds->clear_refs < 0) {
		int ret = smi_sys_pagemap_refused(WHERE, "clear_refs", -errno,
						  err);

		smi_soft_dirty_fds_close(fds);
		return ret;
	}
	return 0;
}

int smi_soft_dirty_fds_clear(const struct smi_soft_dirty_fds *fds)
{
	ssize_t n = write(fds->clear_refs, "4", 1);

	if (n == 1)
		return 0;
	return n < 0 ? -errno : -EIO;
}

int smi_soft_dirty_fds_read(const struct smi_soft_dirty_fds *fds,
			    uint64_t first, uint64_t npages, uint64_t *words)
{
	uint64_t of_page[NREAD];

	for (uint64_t at = 0; at < npages; at += NREAD) {
		uint64_t n = min_u64(npages - at, NREAD);
		int ret = smi_sys_pagemap_words(fds->pagemap, first + at, n,
						of_page);

		if (ret < 0)
			return ret;
		for (uint64_t i = 0; i < n; i++) {
			uint64_t page = at + i;

			if (of_page[i] & SMI_SYS_PAGEMAP_SOFT_DIRTY)
				((uint8_t *)words)[page / 8] |=
					(uint8_t)(1u << page % 8);
		}
	}
	return 0;
}
