/* SPDX-License-Identifier: MIT */
/*
 * The marker's word in pagemap, found out by dropping a page of our own.
 *
 * Up to Linux 6.18 the word says swapped, write-protected, frame 0x3f. A reader
 * without CAP_SYS_ADMIN sees frame 0, as for every page in swap. The page is in
 * shared anonymous memory, which is a file to the kernel, so its marker is that
 * of every file's page. (A memfd would not do: setting its size raises SIGXFSZ
 * in a process whose RLIMIT_FSIZE is 0.) If any step fails, the marker counts
 * as hidden, and pages are unsure.
 */
#include <sys/mman.h>

#include "source/drops_marker.h"
#include "sys/uffd.h"
#include "sys/uffd_use.h"

/* The page is this process's, also if the source is of a target. */
static int pagemap_of(const struct smi_drops *d)
{
	return d->target ? d->target->own_pagemap : d->pagemap;
}

/* A frame of 0 may be the frame, or a hidden one. */
static void read_marker(struct smi_drops *d, uint64_t at)
{
	uint64_t word;

	if (smi_sys_pagemap_words(pagemap_of(d), at >> d->page_shift, 1,
				  &word) < 0)
		return;
	d->sees_marker = word & SMI_SYS_PAGEMAP_SWAPPED &&
			 !(word & SMI_SYS_PAGEMAP_PRESENT) &&
			 word & SMI_SYS_PAGEMAP_FRAME;
	d->marker = word & SMI_SYS_PAGEMAP_WHERE;
}

static void drop_page(struct smi_drops *d, char *page, size_t bytes)
{
	uint64_t at = (uintptr_t)page;
	struct smi_sys_uffd_use use;

	*(volatile char *)page = 1;
	if (smi_sys_uffd_use_open(&use, SMI_SYS_UFFD_WRITES, NULL) < 0)
		return;
	if (smi_sys_uffd_use_register(&use, at, at + bytes, NULL) >= 0 &&
	    smi_sys_uffd_protect(use.fd, at, bytes) >= 0 &&
	    madvise(page, bytes, MADV_DONTNEED) >= 0)
		read_marker(d, at);
	smi_sys_uffd_use_close(&use);
}

void smi_drops_learn_marker(struct smi_drops *d)
{
	size_t bytes = (size_t)1 << d->page_shift;
	char *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return;
	drop_page(d, page, bytes);
	munmap(page, bytes);
}
