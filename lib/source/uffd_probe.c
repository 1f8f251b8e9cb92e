/* SPDX-License-Identifier: MIT */
/*
 * Abilities are found out by using them, never from the kernel's version. An
 * errno that has no known meaning is reported as the error it is, not as a
 * missing ability. Each sentence names what is missing, since the user's next
 * step differs: another kernel, a sysctl, a container's seccomp profile.
 */
#include "source/uffd_probe.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/pagemap.h"
#include "sys/uffd.h"

#define WHERE "uffd"

static const struct {
	uint64_t bit;
	const char *name;
	const char *since;
} features[] = {
	{SMI_SYS_UFFD_WP_ASYNC, "UFFD_FEATURE_WP_ASYNC", "6.7"},
	{SMI_SYS_UFFD_WP_UNPOPULATED, "UFFD_FEATURE_WP_UNPOPULATED", "6.4"},
	{SMI_SYS_UFFD_WP_HUGETLBFS_SHMEM, "UFFD_FEATURE_WP_HUGETLBFS_SHMEM",
	 "5.19"},
	{SMI_SYS_UFFD_FLAG_WP, "UFFD_FEATURE_PAGEFAULT_FLAG_WP", "5.7"},
};

#define NFEATURES (sizeof(features) / sizeof(features[0]))

static int open_uffd(struct smudge_error *err)
{
	int uffd = smi_sys_uffd_open();

	if (uffd >= 0)
		return uffd;
	if (uffd == -ENOSYS)
		return smudge_error_set(err, uffd, WHERE,
					"this kernel has no userfaultfd(2)");
	if (uffd == -EPERM)
		return smudge_error_set(
			err, uffd, WHERE,
			"userfaultfd(2) is forbidden here (a seccomp filter?) "
			"and /dev/userfaultfd cannot be used either");
	return smudge_error_set(err, uffd, WHERE,
				"cannot open a userfaultfd: %s",
				strerror(-uffd));
}

/* A descriptor agrees on features once, so asking takes one of its own. */
static int check_features(struct smudge_error *err)
{
	uint64_t has = 0;
	int uffd = open_uffd(err);
	int ret;

	if (uffd < 0)
		return uffd;
	ret = smi_sys_uffd_api(uffd, 0, &has);
	close(uffd);
	if (ret < 0)
		return smudge_error_set(err, ret, WHERE, "UFFDIO_API fails: %s",
					strerror(-ret));
	for (size_t i = 0; i < NFEATURES; i++) {
		if (!(has & features[i].bit))
			return smudge_error_set(
				err, -EOPNOTSUPP, WHERE,
				"this kernel's userfaultfd has no %s (Linux "
				"%s)",
				features[i].name, features[i].since);
	}
	return 0;
}

static int enable_features(int uffd, struct smudge_error *err)
{
	uint64_t wanted = 0;
	uint64_t has;
	int ret;

	for (size_t i = 0; i < NFEATURES; i++)
		wanted |= features[i].bit;
	ret = smi_sys_uffd_api(uffd, wanted, &has);
	if (ret < 0)
		return smudge_error_set(
			err, ret, WHERE,
			"UFFDIO_API refuses UFFD_FEATURE_WP_ASYNC: %s",
			strerror(-ret));
	return 0;
}

static int open_pagemap(struct smudge_error *err)
{
	int fd = smi_sys_pagemap_open();

	if (fd == -ENOENT)
		return smudge_error_set(
			err, -ENOSYS, WHERE,
			"no /proc/self/pagemap: /proc is not mounted, or this "
			"kernel has no CONFIG_PROC_PAGE_MONITOR");
	if (fd == -EACCES)
		fd = -EPERM;
	if (fd < 0)
		smudge_error_set(err, fd, WHERE,
				 "cannot open /proc/self/pagemap: %s",
				 strerror(-fd));
	return fd;
}

int smi_uffd_open(struct smi_uffd_fds *ret, struct smudge_error *err)
{
	struct smi_uffd_fds fds = {.uffd = -1, .pagemap = -1};
	int status = check_features(err);

	if (status < 0)
		return status;
	fds.uffd = open_uffd(err);
	if (fds.uffd < 0)
		return fds.uffd;
	status = enable_features(fds.uffd, err);
	if (!status)
		fds.pagemap = status = open_pagemap(err);
	if (status < 0) {
		smi_uffd_close(&fds);
		return status;
	}
	*ret = fds;
	return 0;
}

void smi_uffd_close(struct smi_uffd_fds *fds)
{
	if (fds->uffd >= 0)
		close(fds->uffd);
	if (fds->pagemap >= 0)
		close(fds->pagemap);
	fds->uffd = fds->pagemap = -1;
}

/* Which step of a tracking went wrong, in words for the user. */
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
 * Pages 0 to 3 are written, untouched, dropped and never populated: exactly
 * the first and the third count as written.
 */
static int try_tracking(const struct smi_uffd_fds *fds, char *pages,
			size_t page_bytes, struct smudge_error *err)
{
	uint64_t start = (uintptr_t)pages;
	struct smi_sys_page_run found[4];
	size_t length = 4 * page_bytes;
	int ret;
	long n;

	memset(pages, 1, 3 * page_bytes);
	ret = smi_sys_uffd_register(fds->uffd, start, length);
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
	struct smi_uffd_fds fds;
	int ret = smi_uffd_open(&fds, err);
	char *pages;

	if (ret < 0)
		return ret;
	pages = mmap(NULL, 4 * page_bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED) {
		ret = fail(err, -errno, "mmap");
	} else {
		ret = try_tracking(&fds, pages, page_bytes, err);
		munmap(pages, 4 * page_bytes);
	}
	smi_uffd_close(&fds);
	return ret;
}
