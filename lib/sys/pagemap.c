/* SPDX-License-Identifier: MIT */
/*
 * The masks are part of correctness. With PAGE_IS_WRITTEN as the only
 * category asked for and the only one returned, the kernel takes a fast path
 * that counts an unpopulated page (after MADV_DONTNEED) as written; its
 * general path took such a page for clean until mid-2026, and would lose it.
 */
#include "sys/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* struct pm_scan_arg and its constants, newer than the 6.1 headers. */
struct scan_arg {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec;
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;
	uint64_t category_mask;
	uint64_t category_anyof_mask;
	uint64_t return_mask;
};

#define SCAN		   _IOWR('f', 16, struct scan_arg)
#define SCAN_WP_MATCHING   (UINT64_C(1) << 0)
#define SCAN_CHECK_WPASYNC (UINT64_C(1) << 1)
#define PAGE_WRITTEN	   (UINT64_C(1) << 1)
#define PAGE_PRESENT	   (UINT64_C(1) << 3)
#define PAGE_SWAPPED	   (UINT64_C(1) << 4)

int smi_sys_pagemap_open(void)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static long scan(int pagemap, uint64_t flags, uint64_t start, uint64_t end,
		 struct smi_sys_page_run *regions, size_t max)
{
	struct scan_arg arg = {
		.size = sizeof(arg),
		.flags = flags,
		.start = start,
		.end = end,
		.vec = (uintptr_t)regions,
		.vec_len = max,
		.category_mask = PAGE_WRITTEN,
		.return_mask = PAGE_WRITTEN,
	};
	int ret = ioctl(pagemap, SCAN, &arg);

	return ret < 0 ? -errno : ret;
}

long smi_sys_pagemap_take_written(int pagemap, uint64_t start, uint64_t end,
				  struct smi_sys_page_run *regions, size_t max)
{
	return scan(pagemap, SCAN_WP_MATCHING | SCAN_CHECK_WPASYNC, start, end,
		    regions, max);
}

long smi_sys_pagemap_find_written(int pagemap, uint64_t start, uint64_t end,
				  struct smi_sys_page_run *regions, size_t max)
{
	return scan(pagemap, SCAN_CHECK_WPASYNC, start, end, regions, max);
}

/*
 * Another category than PAGE_WRITTEN takes the general path. Its fault, that
 * it counts an unpopulated page as clean, does not matter where nothing is
 * asked about writes.
 */
static long find(int pagemap, struct scan_arg *arg)
{
	int ret;

	do {
		ret = ioctl(pagemap, SCAN, arg);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret;
}

long smi_sys_pagemap_find_present(int pagemap, uint64_t start, uint64_t end,
				  struct smi_sys_page_run *regions, size_t max)
{
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = start,
		.end = end,
		.vec = (uintptr_t)regions,
		.vec_len = max,
		.category_mask = PAGE_PRESENT,
		.return_mask = PAGE_PRESENT,
	};

	return find(pagemap, &arg);
}

/* Neither: both inverted, and both asked for. */
long smi_sys_pagemap_find_none(int pagemap, uint64_t start, uint64_t end,
			       struct smi_sys_page_run *regions, size_t max)
{
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = start,
		.end = end,
		.vec = (uintptr_t)regions,
		.vec_len = max,
		.category_inverted = PAGE_PRESENT | PAGE_SWAPPED,
		.category_mask = PAGE_PRESENT | PAGE_SWAPPED,
		.return_mask = PAGE_PRESENT,
	};

	return find(pagemap, &arg);
}

int smi_sys_pagemap_words(int pagemap, uint64_t first_page, size_t npages,
			  uint64_t *words)
{
	size_t left = npages * sizeof(*words);
	off_t at = (off_t)(first_page * sizeof(*words));
	char *into = (char *)words;

	while (left) {
		ssize_t n = pread(pagemap, into, left, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		into += n;
		at += n;
		left -= (size_t)n;
	}
	return 0;
}
