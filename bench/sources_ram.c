/* SPDX-License-Identifier: MIT */
/*
 * The memory that is tracked. Huge pages are refused, so that the figures of
 * all mechanisms compare.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench_program.h"
#include "sources.h"

void sources_must(long ret, const char *what)
{
	bench_must(ret < 0 ? -errno : 0, what);
}

void *sources_alloc(uint64_t bytes)
{
	void *at = calloc(1, bytes);

	bench_must(at ? 0 : -ENOMEM, "memory");
	return at;
}

static int make_file(uint64_t bytes)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);

	sources_must(fd, "a memfd");
	sources_must(ftruncate(fd, (off_t)bytes), "a memfd");
	return fd;
}

void sources_ram_map(struct sources_ram *ram, uint64_t npages, bool is_shared)
{
	uint64_t bytes = npages * SOURCES_PAGE;
	int fd = is_shared ? make_file(bytes) : -1;
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			is_shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS,
			fd, 0);

	bench_must(at == MAP_FAILED ? -errno : 0, "the memory to track");
	if (fd >= 0)
		close(fd);
	madvise(at, bytes, MADV_NOHUGEPAGE);
	memset(at, 'W', bytes);
	*ram = (struct sources_ram){at, npages};
}

void sources_ram_unmap(struct sources_ram *ram)
{
	munmap(ram->bytes, ram->npages * SOURCES_PAGE);
}

void sources_ram_write(const struct sources_ram *ram, uint64_t npages,
		       uint64_t stride)
{
	static uint64_t value;

	value++;
	for (uint64_t i = 0; i < npages; i++)
		*(volatile uint64_t *)(ram->bytes + i * stride * SOURCES_PAGE) =
			value;
}
