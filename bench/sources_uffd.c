/* SPDX-License-Identifier: MIT */
/*
 * userfaultfd's asynchronous write-protection, fetched by PAGEMAP_SCAN. The
 * bare calls: an arm is a descriptor, UFFDIO_REGISTER and UFFDIO_WRITEPROTECT;
 * a harvest is the ioctl, and the runs are only counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "common/pagemap_scan.h"
#include "sources_library.h"
#include "sources_uffd.h"

/* Newer than the headers of Linux 6.1. */
#define BARE_FEATURES (UINT64_C(1) << 0 | 7 << 12 | 1 << 15)
#define USER_ONLY     1

struct bare {
	struct sources_ram ram;
	int uffd; /* between arm and stop */
	struct sources_uffd_scan scan;
};

static void *library_open(const struct sources_ram *ram,
			  struct smudge_error *err)
{
	struct smudge_source *source;

	if (smudge_uffd_create(&source, err) < 0)
		return NULL;
	return sources_library_new(source, ram, err);
}

static struct uffdio_range range_of(const struct sources_ram *ram)
{
	return (struct uffdio_range){
		.start = (uintptr_t)ram->bytes,
		.len = ram->npages * SOURCES_PAGE,
	};
}

void sources_uffd_scan_open(struct sources_uffd_scan *scan, const char *path)
{
	scan->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	sources_must(scan->pagemap, path);
}

void sources_uffd_scan_close(struct sources_uffd_scan *scan)
{
	close(scan->pagemap);
}

void sources_uffd_scan(struct sources_uffd_scan *scan,
		       const struct sources_ram *ram)
{
	struct uffdio_range range = range_of(ram);
	struct pagemap_scan arg = {
		.size = sizeof(arg),
		.flags = PAGEMAP_SCAN_WP_MATCHING | PAGEMAP_SCAN_CHECK_WPASYNC,
		.start = range.start,
		.end = range.start + range.len,
		.vec = (uintptr_t)scan->runs,
		.vec_len = SOURCES_UFFD_RUNS,
		.category_mask = PAGEMAP_IS_WRITTEN,
		.return_mask = PAGEMAP_IS_WRITTEN,
	};
	int n;

	scan->found = 0;
	do {
		n = ioctl(scan->pagemap, PAGEMAP_SCAN_IOCTL, &arg);
		sources_must(n, "PAGEMAP_SCAN");
		for (int i = 0; i < n; i++)
			scan->found +=
				(scan->runs[i].end - scan->runs[i].start) /
				SOURCES_PAGE;
		if (n)
			arg.start = scan->runs[n - 1].end;
	} while (n == SOURCES_UFFD_RUNS);
}

static void *bare_open(const struct sources_ram *ram, struct smudge_error *err)
{
	struct bare *bare = sources_alloc(sizeof(*bare));

	bare->ram = *ram;
	sources_uffd_scan_open(&bare->scan, "/proc/self/pagemap");
	return bare;
}

static void bare_close(void *side)
{
	struct bare *bare = side;

	sources_uffd_scan_close(&bare->scan);
	free(bare);
}

static void bare_arm(void *side)
{
	struct bare *bare = side;
	struct uffdio_api api = {.api = UFFD_API, .features = BARE_FEATURES};
	struct uffdio_register area = {
		.range = range_of(&bare->ram),
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect protect = {
		.range = range_of(&bare->ram),
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	bare->uffd = (int)syscall(SYS_userfaultfd,
				  O_CLOEXEC | O_NONBLOCK | USER_ONLY);
	sources_must(bare->uffd, "userfaultfd(2)");
	sources_must(ioctl(bare->uffd, UFFDIO_API, &api), "UFFDIO_API");
	sources_must(ioctl(bare->uffd, UFFDIO_REGISTER, &area),
		     "UFFDIO_REGISTER");
	sources_must(ioctl(bare->uffd, UFFDIO_WRITEPROTECT, &protect),
		     "UFFDIO_WRITEPROTECT");
}

static void bare_stop(void *side)
{
	struct bare *bare = side;
	struct uffdio_range range = range_of(&bare->ram);

	sources_must(ioctl(bare->uffd, UFFDIO_UNREGISTER, &range),
		     "UFFDIO_UNREGISTER");
	close(bare->uffd);
}

static void bare_write(void *side, uint64_t npages, uint64_t stride)
{
	sources_ram_write(&((struct bare *)side)->ram, npages, stride);
}

static void bare_harvest(void *side)
{
	struct bare *bare = side;

	sources_uffd_scan(&bare->scan, &bare->ram);
}

static uint64_t bare_found(void *side)
{
	return ((struct bare *)side)->scan.found;
}

static const struct sources_side library_side =
	SOURCES_LIBRARY_SIDE(library_open);

const struct sources_side sources_uffd_bare = {
	.open = bare_open,
	.close = bare_close,
	.arm = bare_arm,
	.stop = bare_stop,
	.write = bare_write,
	.harvest = bare_harvest,
	.found = bare_found,
};

const struct sources_mechanism sources_uffd = {
	.name = "uffd, private anonymous",
	.rearms_in = "harvest",
	.must = 1.10,
	.library = &library_side,
	.bare = &sources_uffd_bare,
};

const struct sources_mechanism sources_uffd_shared = {
	.name = "uffd, shared memfd",
	.rearms_in = "harvest",
	.is_shared = true,
	.must = 1.10,
	.library = &library_side,
	.bare = &sources_uffd_bare,
};
