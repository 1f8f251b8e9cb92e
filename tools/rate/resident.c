/* SPDX-License-Identifier: MIT */
/*
 * Pages that are present.
 */
#include "rate/resident.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/range.h"
#include "rate/report.h"

#define CHUNK	4096 /* entries */
#define PRESENT (UINT64_C(1) << 63)

int rate_resident_open(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int rate_resident_each(int fd, uint64_t address, uint64_t size_bytes,
		       void (*each)(void *opaque, uint64_t address,
				    uint64_t npages),
		       void *opaque)
{
	uint64_t page = address / RATE_PAGE_BYTES;
	uint64_t end = page + size_bytes / RATE_PAGE_BYTES;
	uint64_t entries[CHUNK];
	uint64_t run = 0;

	while (page < end) {
		size_t wanted = (size_t)min_u64(end - page, CHUNK);
		ssize_t got = pread(fd, entries, wanted * sizeof(*entries),
				    (off_t)(page * sizeof(*entries)));

		if (got < (ssize_t)sizeof(*entries))
			return got < 0 ? -errno : -ESRCH;
		for (size_t i = 0; i < (size_t)got / sizeof(*entries); i++) {
			if (entries[i] & PRESENT) {
				run++;
			} else if (run) {
				each(opaque, (page - run) * RATE_PAGE_BYTES,
				     run);
				run = 0;
			}
			page++;
		}
	}
	if (run)
		each(opaque, (end - run) * RATE_PAGE_BYTES, run);
	return 0;
}
