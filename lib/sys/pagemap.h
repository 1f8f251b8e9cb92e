/* SPDX-License-Identifier: MIT */
/*
 * PAGEMAP_SCAN (Linux 6.7): find written pages and protect them again, in one
 * atomic step per page; or only find pages.
 */
#ifndef LIB_SYS_PAGEMAP_H
#define LIB_SYS_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

/* Addresses [start, end) of one run; the kernel's struct page_region. */
struct smi_sys_page_run {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

/*
 * The pagemap of this process, closed on exec. It stays bound to the address
 * space of the process that opened it, a child's included.
 * Return: the descriptor, or -errno.
 */
int smi_sys_pagemap_open(void);

/*
 * smi_sys_pagemap_refused - say why /proc/self/pagemap or a file beside it
 *	cannot be opened, and what may help
 * @where: the part that opens it
 * @name: the file's name in /proc/self
 * @code: what open(2) said, -errno
 *
 * Return: @code; -ENOSYS instead of -ENOENT, -EPERM instead of -EACCES.
 */
int smi_sys_pagemap_refused(const char *where, const char *name, int code,
			    struct smudge_error *err);

/*
 * smi_sys_pagemap_take_written - find pages written since they were
 *      write-protected, and write-protect them again
 * @pagemap: descriptor of smi_sys_pagemap_open
 * @start, @end: addresses, whole pages
 * @runs: receives runs in ascending order, at most @max
 *
 * When @max runs are returned the range may hold more, from the last run's
 * end on. If there are fewer, the range is complete. The kernel's walk_end is
 * no test for that: after 512 runs it keeps the address of the last flush to
 * user memory, although the walk continued (seen up to 6.18).
 *
 * After a failure pages may be protected again that were not reported, so the
 * whole range counts as written.
 * Return: number of runs, or -errno: -ENOTTY (no PAGEMAP_SCAN), -EPERM (a
 * mapping in the range is not registered for asynchronous protection),
 * -EINTR (a fatal signal), -ENOMEM.
 */
long smi_sys_pagemap_take_written(int pagemap, uint64_t start, uint64_t end,
				  struct smi_sys_page_run *runs, size_t max);

/*
 * smi_sys_pagemap_find_written - the same pages, left as they are
 *
 * It protects nothing, so the next call finds the same pages, and a failure
 * changes nothing. Parameters and return value are those of
 * smi_sys_pagemap_take_written.
 */
long smi_sys_pagemap_find_written(int pagemap, uint64_t start, uint64_t end,
				  struct smi_sys_page_run *runs, size_t max);

/*
 * smi_sys_pagemap_find_touched - is there a page that was written since it was
 *	protected, or that is not mapped?
 *
 * Protects nothing. Of hugetlbfs, and of addresses without a mapping, it does
 * not tell.
 * Return: 1, 0 (all are mapped and protected), or -errno, as of
 * smi_sys_pagemap_find_written.
 */
int smi_sys_pagemap_find_touched(int pagemap, uint64_t start, uint64_t end);

/*
 * smi_sys_pagemap_find_present - find pages that this process has mapped
 *
 * Protects nothing. It does not find a page that the kernel is migrating.
 * Parameters are those of smi_sys_pagemap_take_written.
 * Return: number of runs, or -errno.
 */
long smi_sys_pagemap_find_present(int pagemap, uint64_t start, uint64_t end,
				  struct smi_sys_page_run *runs, size_t max);

/*
 * smi_sys_pagemap_find_absent - find pages that find_present does not find
 *
 * Four times as fast where nearly all are present. Of addresses without a
 * mapping it finds nothing either.
 */
long smi_sys_pagemap_find_absent(int pagemap, uint64_t start, uint64_t end,
				 struct smi_sys_page_run *runs, size_t max);

/*
 * smi_sys_pagemap_find_none - find pages for which the page table has no entry,
 *      not even a marker
 *
 * As smi_sys_pagemap_find_present.
 */
long smi_sys_pagemap_find_none(int pagemap, uint64_t start, uint64_t end,
			       struct smi_sys_page_run *runs, size_t max);

/*
 * smi_sys_pagemap_find_anonymous - find pages of no file that are mapped or in
 *      swap, but for the page of zeros
 *
 * A marker counts as a page in swap. As smi_sys_pagemap_find_present.
 */
long smi_sys_pagemap_find_anonymous(int pagemap, uint64_t start, uint64_t end,
				    struct smi_sys_page_run *runs, size_t max);

/*
 * smi_sys_pagemap_find_held - the first run of pages for which the page table
 *	has an entry: a page, one in swap or in migration, or a marker
 * @max_pages: the run has no more
 *
 * Protects nothing. Pages that are mapped and others are in runs of their own:
 * @ret_run's categories tell (smi_sys_pagemap_is_mapped).
 * Return: 1, 0 (none), or -errno: -ENOTTY (no PAGEMAP_SCAN).
 */
int smi_sys_pagemap_find_held(int pagemap, uint64_t start, uint64_t end,
			      uint64_t max_pages,
			      struct smi_sys_page_run *ret_run);
bool smi_sys_pagemap_is_mapped(const struct smi_sys_page_run *run);

/*
 * smi_sys_pagemap_ready_end - where the pages end that are mapped, and that
 *      userfaultfd does not protect: most likely a store to them faults not
 * @start, @end: addresses, whole pages, not empty
 *
 * Return: @start to @end; @start also where that is unknown (no PAGEMAP_SCAN).
 */
uint64_t smi_sys_pagemap_ready_end(int pagemap, uint64_t start, uint64_t end);

/* A page's word in pagemap; a hole's word is 0. */
#define SMI_SYS_PAGEMAP_PRESENT	   (UINT64_C(1) << 63)
#define SMI_SYS_PAGEMAP_SWAPPED	   (UINT64_C(1) << 62)
#define SMI_SYS_PAGEMAP_SOFT_DIRTY (UINT64_C(1) << 55)
#define SMI_SYS_PAGEMAP_FILE	   (UINT64_C(1) << 61) /* of a file, or shared */
/* Frame, or swap type and offset; 0 for a reader without CAP_SYS_ADMIN. */
#define SMI_SYS_PAGEMAP_FRAME ((UINT64_C(1) << 55) - 1)
/* Where the page is. The other bits describe its mapping. */
#define SMI_SYS_PAGEMAP_WHERE                                \
	(SMI_SYS_PAGEMAP_PRESENT | SMI_SYS_PAGEMAP_SWAPPED | \
	 SMI_SYS_PAGEMAP_FRAME)

/*
 * smi_sys_pagemap_words - read the words of pages
 * @pagemap: descriptor of smi_sys_pagemap_open, which decides whether frames
 *      are shown
 * @first_page: address divided by the page size
 * @words: receives @npages words
 *
 * Return: 0 or -errno.
 */
int smi_sys_pagemap_words(int pagemap, uint64_t first_page, size_t npages,
			  uint64_t *words);

#endif
