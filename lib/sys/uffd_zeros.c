/* SPDX-License-Identifier: MIT */
/*
 * The kernel's one page of zeros where that is possible; else a copy of zeros.
 */
#include "sys/uffd_zeros.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/uffd.h"

/*
 * The kernel's page of zeros cannot be installed protected, nor where a page
 * that is missing was protected.
 */
int smi_sys_uffd_bring_zeros(int uffd, uint64_t start, uint64_t page_bytes,
			     const void *zeros, bool protects)
{
	int ret = -EEXIST;
	uint64_t n;

	if (!protects && page_bytes == (uint64_t)sysconf(_SC_PAGESIZE))
		ret = smi_sys_uffd_zeropage(uffd, start, page_bytes, &n);
	if (ret == -EEXIST)
		ret = smi_sys_uffd_copy(uffd, start, zeros, page_bytes,
					protects, &n);
	return ret;
}

void *smi_sys_uffd_zeros_map(uint64_t bytes)
{
	void *zeros = mmap(NULL, bytes, PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return zeros == MAP_FAILED ? NULL : zeros;
}

void smi_sys_uffd_zeros_unmap(void *zeros, uint64_t bytes)
{
	if (zeros)
		munmap(zeros, bytes);
}
