/* SPDX-License-Identifier: MIT */
/*
 * The masks of the scans for writes are part of correctness. With
 * PAGE_IS_WRITTEN as the only category that is matched and returned, the kernel
 * takes a fast path that counts an unpopulated page (after MADV_DONTNEED) as
 * written. Its general path counted such a page as clean until mid-2026, and
 * would lose it.
 */
#include "sys/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/pagemap_scan.h"

int smi_sys_pagemap_open(void)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int smi_sys_pagemap_refused(const char *where, const char *name, int code,
			    struct smudge_error *err)
{
	const char *what = "";

	if (code == -ENOENT)
		return smudge_error_set(err, -ENOSYS, where,
					"no /proc/self/%s: %s", name,
					access("/proc/self", F_OK) < 0
						? "/proc is not mounted"
						: "this kernel has no "
						  "CONFIG_PROC_PAGE_MONITOR");
	if (code == -EACCES)
		code = -EPERM;
	if (code == -EPERM)
		what = " (a process that is not dumpable sets "
		       "PR_SET_DUMPABLE first, prctl(2))";
	return smudge_error_set(err, code, where,
				"cannot open /proc/self/%s: %s%s", name,
				strerror(-code), what);
}

/* Run @arg over [start, end). Return: number of runs, or -errno. */
static long scan(int pagemap, struct pagemap_scan arg, uint64_t start,
		 uint64_t end, struct smi_sys_page_run *runs, size_t max)
{
	int ret;

	arg.size = sizeof(arg);
	arg.start = start;
	arg.end = end;
	arg.vec = (uintptr_t)runs;
	arg.vec_len = max;
	ret = ioctl(pagemap, PAGEMAP_SCAN_IOCTL, &arg);
	return ret < 0 ? -errno : ret;
}

static long scan_written(int pagemap, uint64_t flags, uint64_t start,
			 uint64_t end, struct smi_sys_page_run *runs,
			 size_t max)
{
	const struct pagemap_scan arg = {
		.flags = flags | PAGEMAP_SCAN_CHECK_WPASYNC,
		.category_mask = PAGEMAP_IS_WRITTEN,
		.return_mask = PAGEMAP_IS_WRITTEN,
	};

	return scan(pagemap, arg, start, end, runs, max);
}

long smi_sys_pagemap_take_written(int pagemap, uint64_t start, uint64_t end,
				  struct smi_sys_page_run *runs, size_t max)
{
	return scan_written(pagemap, PAGEMAP_SCAN_WP_MATCHING, start, end, runs,
			    max);
}

long smi_sys_pagemap_find_written(int pagemap, uint64_t start, uint64_t end,
				  struct smi_sys_page_run *runs, size_t max)
{
	return scan_written(pagemap, 0, start, end, runs, max);
}

/* The general path, which tells of a mapped page whether it is protected. */
int smi_sys_pagemap_find_touched(int pagemap, uint64_t start, uint64_t end)
{
	const struct pagemap_scan arg = {
		.flags = PAGEMAP_SCAN_CHECK_WPASYNC,
		.max_pages = 1,
		.category_inverted = PAGEMAP_IS_PRESENT,
		.category_anyof_mask = PAGEMAP_IS_WRITTEN | PAGEMAP_IS_PRESENT,
		.return_mask = PAGEMAP_IS_PRESENT,
	};
	struct smi_sys_page_run run;

	return (int)scan(pagemap, arg, start, end, &run, 1);
}

/* A scan, made again when a signal has interrupted it. */
static long scan_again(int pagemap, struct pagemap_scan arg, uint64_t start,
		       uint64_t end, struct smi_sys_page_run *runs, size_t max)
{
	long ret;

	do {
		ret = scan(pagemap, arg, start, end, runs, max);
	} while (ret == -EINTR);
	return ret;
}

/*
 * Find pages of which the page table holds @held (categories, all of them), or
 * holds none of them. A category other than PAGEMAP_IS_WRITTEN takes the
 * general path. That path counts an unpopulated page as clean, which does not
 * matter here: the question is not about writes.
 */
static long find(int pagemap, uint64_t held, bool is_held, uint64_t start,
		 uint64_t end, struct smi_sys_page_run *runs, size_t max)
{
	const struct pagemap_scan arg = {
		.category_inverted = is_held ? 0 : held,
		.category_mask = held,
		.return_mask = PAGEMAP_IS_PRESENT,
	};

	return scan_again(pagemap, arg, start, end, runs, max);
}

long smi_sys_pagemap_find_present(int pagemap, uint64_t start, uint64_t end,
				  struct smi_sys_page_run *runs, size_t max)
{
	return find(pagemap, PAGEMAP_IS_PRESENT, true, start, end, runs, max);
}

long smi_sys_pagemap_find_absent(int pagemap, uint64_t start, uint64_t end,
				 struct smi_sys_page_run *runs, size_t max)
{
	return find(pagemap, PAGEMAP_IS_PRESENT, false, start, end, runs, max);
}

long smi_sys_pagemap_find_none(int pagemap, uint64_t start, uint64_t end,
			       struct smi_sys_page_run *runs, size_t max)
{
	return find(pagemap, PAGEMAP_IS_PRESENT | PAGEMAP_IS_SWAPPED, false,
		    start, end, runs, max);
}

long smi_sys_pagemap_find_anonymous(int pagemap, uint64_t start, uint64_t end,
				    struct smi_sys_page_run *runs, size_t max)
{
	const struct pagemap_scan arg = {
		.category_inverted = PAGEMAP_IS_FILE | PAGEMAP_IS_ZERO,
		.category_mask = PAGEMAP_IS_FILE | PAGEMAP_IS_ZERO,
		.category_anyof_mask = PAGEMAP_IS_PRESENT | PAGEMAP_IS_SWAPPED,
		.return_mask = PAGEMAP_IS_PRESENT,
	};

	return scan_again(pagemap, arg, start, end, runs, max);
}

uint64_t smi_sys_pagemap_ready_end(int pagemap, uint64_t start, uint64_t end)
{
	struct smi_sys_page_run run;

	/* Not written is protected; in memory without protection all is. */
	if (find(pagemap, PAGEMAP_IS_PRESENT | PAGEMAP_IS_WRITTEN, true, start,
		 end, &run, 1) != 1 ||
	    run.start != start)
		return start;
	return run.end;
}

int smi_sys_pagemap_find_held(int pagemap, uint64_t start, uint64_t end,
			      uint64_t max_pages,
			      struct smi_sys_page_run *ret_run)
{
	const struct pagemap_scan arg = {
		.max_pages = max_pages,
		.category_anyof_mask = PAGEMAP_IS_PRESENT | PAGEMAP_IS_SWAPPED,
		.return_mask = PAGEMAP_IS_PRESENT,
	};
	long ret;

	do {
		ret = scan(pagemap, arg, start, end, ret_run, 1);
	} while (ret == -EINTR);
	return (int)ret;
}

bool smi_sys_pagemap_is_mapped(const struct smi_sys_page_run *run)
{
	return run->categories & PAGEMAP_IS_PRESENT;
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
