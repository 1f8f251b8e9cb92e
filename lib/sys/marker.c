/* SPDX-License-Identifier: MIT */
/*
 * The marker's word in pagemap, found out by dropping a page of our own.
 *
 * Up to Linux 6.18 the word says swapped, write-protected, frame 0x3f. A reader
 * without CAP_SYS_ADMIN sees frame 0, as for every page in swap. The page is in
 * shared anonymous memory, which is a file to the kernel, so its marker is that
 * of every file's page; where it says that the page is, is the same in private
 * anonymous memory. (A memfd would not do: setting its size raises SIGXFSZ in a
 * process whose RLIMIT_FSIZE is 0.) If any step fails, the marker counts as
 * hidden.
 */
#include "sys/marker.h"

#include <sys/mman.h>
#include <unistd.h>

#include "sys/uffd.h"
#include "sys/uffd_use.h"

/* A frame of 0 may be the frame, or a hidden one. */
static struct smi_sys_marker read_marker(int pagemap, uint64_t at, size_t bytes)
{
	uint64_t word;

	if (smi_sys_pagemap_words(pagemap, at / bytes, 1, &word) < 0)
		return (struct smi_sys_marker){0};
	return (struct smi_sys_marker){
		.is_seen = word & SMI_SYS_PAGEMAP_SWAPPED &&
			   !(word & SMI_SYS_PAGEMAP_PRESENT) &&
			   word & SMI_SYS_PAGEMAP_FRAME,
		.word = word & SMI_SYS_PAGEMAP_WHERE,
	};
}

static struct smi_sys_marker drop_page(int pagemap, char *page, size_t bytes)
{
	struct smi_sys_marker marker = {0};
	uint64_t at = (uintptr_t)page;
	struct smi_sys_uffd_use use;

	*(volatile char *)page = 1;
	if (smi_sys_uffd_use_open(&use, SMI_SYS_UFFD_WRITES, NULL) < 0)
		return marker;
	if (smi_sys_uffd_use_register(&use, at, at + bytes, NULL) >= 0 &&
	    smi_sys_uffd_protect(use.fd, at, bytes) >= 0 &&
	    madvise(page, bytes, MADV_DONTNEED) >= 0)
		marker = read_marker(pagemap, at, bytes);
	smi_sys_uffd_use_close(&use);
	return marker;
}

struct smi_sys_marker smi_sys_marker_learn(int pagemap)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	struct smi_sys_marker marker = {0};
	char *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return marker;
	marker = drop_page(pagemap, page, bytes);
	munmap(page, bytes);
	return marker;
}
