/* SPDX-License-Identifier: MIT */
/*
 * The probe uses each ability; it never asks for the kernel's version. An errno
 * without a known meaning is reported as that error, not as a missing ability.
 * Each sentence names what is missing, since the user's next step differs:
 * another kernel, a sysctl, a container's seccomp profile.
 */
#include "source/uffd_probe.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/uffd_fds.h"
#include "sys/pagemap.h"
#include "sys/uffd.h"

#define WHERE "uffd"

/* Say which step of the trial failed. */
static int fail(struct smudge_error *err, int code, const char *step)
{
	if (code == -ENOTTY)
		return smudge_error_set(
			err, -ENOSYS, WHERE,
			"this kernel's /proc/self/pagemap has no PAGEMAP_SCAN "
			"(Linux 6.7)");
	return smudge_error_set(err, code, WHERE, "%s fails: %s", step,
				strerror(-code));
}

/*
 * Pages 0 to 3 are written, untouched, dropped and never populated. The scan
 * must find the first and the third, and no other.
 */
static int try_tracking(struct smi_uffd_fds *fds, char *pages,
			size_t page_bytes, struct smudge_error *err)
{
	uint64_t start = (uintptr_t)pages;
	struct smi_sys_page_run found[4];
	size_t length = 4 * page_bytes;
	int ret;
	long n;

	memset(pages, 1, 3 * page_bytes);
	ret = smi_uffd_register(fds, start, start + length, err);
	if (ret < 0)
		return fail(err, ret, "UFFDIO_REGISTER");
	ret = smi_sys_uffd_protect(fds->uffd, start, length);
	if (ret < 0)
		return fail(err, ret, "UFFDIO_WRITEPROTECT");
	*(volatile char *)pages = 2;
	if (madvise(pages + 2 * page_bytes, page_bytes, MADV_DONTNEED) < 0)
		return fail(err, -errno, "MADV_DONTNEED");
	n = smi_sys_pagemap_take_written(fds->pagemap, start, start + length,
					 found, 4);
	if (n < 0)
		return fail(err, (int)n, "PAGEMAP_SCAN");
	if (n != 2 || found[0].start != start ||
	    found[0].end != start + page_bytes ||
	    found[1].start != start + 2 * page_bytes ||
	    found[1].end != start + 3 * page_bytes)
		return smudge_error_set(
			err, -EIO, WHERE,
			"PAGEMAP_SCAN reports other pages than were written");
	return 0;
}

int smi_uffd_probe(struct smudge_error *err)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	struct smi_uffd_fds fds = {.target = NULL};
	int ret = smi_uffd_open(&fds, err);
	char *pages;

	if (ret < 0)
		return ret;
	pages = mmap(NULL, 4 * page_bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		ret = fail(err, -errno, "mmap");
	else
		ret = try_tracking(&fds, pages, page_bytes, err);
	/* First: another thread may map the addresses again at once. */
	smi_uffd_close(&fds);
	if (pages != MAP_FAILED)
		munmap(pages, 4 * page_bytes);
	return ret;
}
