/* SPDX-License-Identifier: MIT */
/*
 * The ioctl PAGEMAP_SCAN of /proc/PID/pagemap (Linux 6.7), which is newer than
 * the headers of 6.1: its arguments and constants, by the kernel's
 * Documentation/admin-guide/mm/pagemap.rst.
 */
#ifndef COMMON_PAGEMAP_SCAN_H
#define COMMON_PAGEMAP_SCAN_H

#include <stdint.h>
#include <sys/ioctl.h>

struct pagemap_scan {
	uint64_t size; /* of this structure */
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec; /* address of an array of struct page_region */
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;
	uint64_t category_mask;
	uint64_t category_anyof_mask;
	uint64_t return_mask;
};

#define PAGEMAP_SCAN_IOCTL	   _IOWR('f', 16, struct pagemap_scan)
#define PAGEMAP_SCAN_WP_MATCHING   (UINT64_C(1) << 0)
#define PAGEMAP_SCAN_CHECK_WPASYNC (UINT64_C(1) << 1)

/* Categories of pages. */
#define PAGEMAP_IS_WRITTEN (UINT64_C(1) << 1)
#define PAGEMAP_IS_FILE	   (UINT64_C(1) << 2)
#define PAGEMAP_IS_PRESENT (UINT64_C(1) << 3)
#define PAGEMAP_IS_SWAPPED (UINT64_C(1) << 4)
#define PAGEMAP_IS_ZERO	   (UINT64_C(1) << 5)

#endif
