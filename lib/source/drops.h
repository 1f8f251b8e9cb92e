/* SPDX-License-Identifier: MIT */
/*
 * Content that was dropped, not written.
 *
 * A clean page of private anonymous memory that is dropped (MADV_DONTNEED)
 * loses its write-protection, so a scan reports it. In every other kind of
 * memory the kernel leaves a marker in the page table. The marker keeps the
 * page protected, hence clean, although its content is gone. So this code
 * remembers what each page had, and compares it with what the page has now. It
 * allocates nothing and makes no call for private anonymous memory.
 *
 * (UFFD_FEATURE_EVENT_REMOVE would not do: a thread that calls madvise would
 * wait for a thread of the library, and a hole made through a descriptor sends
 * no event.)
 *
 * Private mappings of files, memfds and hugetlbfs (drops_private.c): the
 * content is the file's until the first store. Then it is a copy that belongs
 * to the process.
 *
 *	INVARIANT: a page with a copy of its own has its bit in `own`, or is
 *	reported as written by the next scan.
 *
 * Only a store makes a copy, and the scan reports the store: smi_drops_written
 * sets the bit. (The first of a store's two page faults makes the copy, still
 * protected. If the store ends there, a copy is clean, and a drop before it is
 * not seen: docs/kernel-support.md. UFFDIO_COPY makes one too. By the rule in
 * sys/uffd_use.h it leaves the page unprotected, so the scan reports it. In
 * hugetlbfs a read of a hole makes one too; its zeros are the page's content
 * without it.)
 *
 * The page's word in pagemap says whether the copy still exists: a mapped page
 * is either the file's or not. So a dropped page is detected even after it was
 * read again. A page that is not mapped is in swap, or has the marker. The
 * marker's word shows only to a reader with CAP_SYS_ADMIN. For any other reader
 * such a page is unsure: it is reported and keeps its bit, so every harvest
 * reports it until it is mapped again. (Without the bit, a later drop of a page
 * in swap would be lost.)
 *
 * Shared memory (drops_shared.c): the content is the page cache's. A page may
 * leave this process's page table with its content (MADV_REMOVE, fallocate,
 * ftruncate) or without it (MADV_DONTNEED, reclaim), and the content may go
 * later. There are two bits per page. `mapped`: mapped here at the last
 * harvest. `content`: mapped here once, or resident at the start, and resident
 * since. A page that loses either is reported. Either report may be needless,
 * since reclaim has the same effect. A page that only others made resident has
 * no bit: to find such pages, each harvest would have to ask for every page.
 *
 * In shared memory a page that is dropped and read again between two harvests
 * is not detected: it is mapped and clean, before and after.
 *
 * hugetlbfs (drops_hugetlb.c) also: the page table has no entry for a page that
 * was stored to and then dropped or truncated. Everywhere else a scan reports
 * such a page as written, but not here. So every harvest reports such pages
 * until a read or a store maps them, which the scan detects.
 */
#ifndef LIB_SOURCE_DROPS_H
#define LIB_SOURCE_DROPS_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/source.h>

#include "source/drops_chunk.h"

/*
 * smi_drops_start - find the kinds of memory that a source covers
 * @d: written; smi_drops_stop frees what it holds, also after a failure
 * @fds: the source's descriptors (borrowed, and stay)
 * @start, @end: its range, not write-protected yet
 * @err: receives the failure
 *
 * Return: 0, -EPERM or -errno (/proc/self/maps cannot be read), -ENOMEM,
 * -EAGAIN (a target replaced mappings meanwhile).
 */
int smi_drops_start(struct smi_drops *d, const struct smi_uffd_fds *fds,
		    uint64_t start, uint64_t end, struct smudge_error *err);

/*
 * smi_drops_armed - note which pages have content, or a copy of their own, now
 * that the range is protected
 *
 * Return: 0 or -errno.
 */
int smi_drops_armed(struct smi_drops *d, struct smudge_error *err);

void smi_drops_stop(struct smi_drops *d);

/*
 * smi_drops_append - the source's range continues with @more's
 * @more: started and armed for the addresses from there on; it is stopped
 *
 * Return: 0, -ENOMEM (nothing has changed).
 */
int smi_drops_append(struct smi_drops *d, struct smi_drops *more);

/* Does memory of the range need to be remembered? */
bool smi_drops_has(const struct smi_drops *d, uint64_t start, uint64_t end);

/* smi_drops_cut - the source's range ends at @end, earlier than it did */
void smi_drops_cut(struct smi_drops *d, uint64_t end);

/*
 * smi_drops_written - pages that a scan reported, and protected again
 *
 * Also those that a failed scan may have protected without reporting them.
 */
void smi_drops_written(struct smi_drops *d, uint64_t start, uint64_t end);

/*
 * smi_drops_is_untouched - is every page mapped here, and protected?
 * @start, @end: a part of the source's range
 *
 * Then a scan for what was written and smi_drops_report would find nothing, and
 * this call stands for both: it notes what they would. One walk over the page
 * tables instead of two, and where it finds a page it ends there. Only of
 * shared memory; false also if it cannot be known.
 */
bool smi_drops_is_untouched(struct smi_drops *d, uint64_t start, uint64_t end);

/*
 * smi_drops_report - report pages whose content was or may have been dropped
 * @start, @end: a part of the source's range, after its scan. A page that was
 *      dropped before the scan is reported now; one that is dropped later, by
 *      the next call
 * @sink: receives them
 * @is_look: a look: the next look and harvest report the same pages again
 * @err: receives the failure
 *
 * Return: 0 or -errno; the range is to be counted as dirty then.
 */
int smi_drops_report(struct smi_drops *d, uint64_t start, uint64_t end,
		     struct smudge_sink *sink, bool is_look,
		     struct smudge_error *err);

#endif
