/* SPDX-License-Identifier: MIT */
/*
 * The kinds of memory that sources are compared in.
 *
 * Discards are left to private anonymous memory: elsewhere a page may show the
 * file before and after, and sources differ in what they say of it
 * (test_uffd_kinds, test_uffd_drops_random).
 */
#include "agree.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_SHIFT 21

const struct agree_memory agree_memories[AGREE_NMEMORIES] = {
	[AGREE_PRIVATE] = {.name = "private anonymous",
			   .is_discarded = true,
			   .page_shift = 12,
			   .npages = 200},
	[AGREE_THP] = {.name = "transparent huge pages",
		       .is_discarded = true,
		       .page_shift = 12,
		       .npages = 1024},
	[AGREE_PRIVATE_MEMFD] = {.name = "private memfd",
				 .is_file = true,
				 .page_shift = 12,
				 .npages = 200},
	[AGREE_SHARED_MEMFD] = {.name = "shared memfd",
				.is_file = true,
				.is_shared = true,
				.page_shift = 12,
				.npages = 200},
	[AGREE_PRIVATE_HUGETLB] = {.name = "private hugetlbfs",
				   .is_hugetlb = true,
				   .page_shift = HUGE_SHIFT,
				   .npages = 8},
	[AGREE_SHARED_HUGETLB] = {.name = "shared hugetlbfs",
				  .is_file = true,
				  .is_shared = true,
				  .is_hugetlb = true,
				  .page_shift = HUGE_SHIFT,
				  .npages = 8},
};

/* Half of it has content already. Return: -1 when there is no such file. */
static int open_file(const struct agree_memory *memory, size_t size_bytes)
{
	unsigned int flags = MFD_CLOEXEC;
	char page[4096];
	int fd;

	if (memory->is_hugetlb)
		flags |= MFD_HUGETLB | (unsigned int)HUGE_SHIFT << 26;
	fd = memfd_create("agree", flags);
	if (fd < 0)
		return -1;
	assert_return_code(ftruncate(fd, (off_t)size_bytes), errno);
	memset(page, 'f', sizeof(page));
	for (size_t at = 0; !memory->is_hugetlb && at < size_bytes / 2;
	     at += sizeof(page))
		assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	return fd;
}

static void *map_fixed(const struct agree_memory *memory, uint8_t *at,
		       size_t size_bytes)
{
	int fd = memory->is_file ? open_file(memory, size_bytes) : -1;
	int flags = MAP_FIXED;
	void *map = MAP_FAILED;

	flags |= memory->is_shared ? MAP_SHARED : MAP_PRIVATE;
	if (!memory->is_file)
		flags |= MAP_ANONYMOUS;
	if (!memory->is_file && memory->is_hugetlb)
		flags |= MAP_HUGETLB | HUGE_SHIFT << 26;
	if (fd >= 0 || !memory->is_file)
		map = mmap(at, size_bytes, PROT_READ | PROT_WRITE, flags, fd,
			   0);
	if (fd >= 0)
		close(fd);
	return map;
}

/* A mapping that never merges with a neighbour, which soft-dirty bits see. */
void agree_ram_open(struct agree_ram *ram, const struct agree_memory *memory)
{
	size_t size_bytes = (size_t)memory->npages << memory->page_shift;
	uintptr_t at;

	ram->map_bytes = size_bytes + 2 * AGREE_HUGE_BYTES;
	ram->map = mmap(NULL, ram->map_bytes, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(ram->map, MAP_FAILED);
	at = (uintptr_t)ram->map % AGREE_HUGE_BYTES;
	ram->bytes = ram->map + (AGREE_HUGE_BYTES - at);
	if (map_fixed(memory, ram->bytes, size_bytes) == MAP_FAILED) {
		agree_ram_close(ram);
		assert_true(memory->is_hugetlb);
		test_skip_without("hugetlbfs", "too few free huge pages");
	}
	if (memory == &agree_memories[AGREE_THP])
		assert_return_code(
			madvise(ram->bytes, size_bytes, MADV_HUGEPAGE), errno);
}

void agree_ram_close(struct agree_ram *ram)
{
	munmap(ram->map, ram->map_bytes);
}
