/* SPDX-License-Identifier: MIT */
/*
 * Regions are in one mapping each, aligned to their pages.
 */
#include "restore_rig.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	   UINT64_C(4096)
#define HUGE_BYTES (UINT64_C(1) << 21)
/* Whole huge pages, with room to align. */
#define SLOT_BYTES ((MOMENTS_MAX_NPAGES * PAGE / HUGE_BYTES + 2) * HUGE_BYTES)

static const char *const names[MOMENTS_REGIONS] = {"low", "rom", "high",
						   "huge"};

static int make_file(enum restore_kind kind)
{
	int fd = -1;

	if (kind == RESTORE_MEMFD_PRIVATE) {
		static uint8_t page[PAGE];

		memset(page, 'f', sizeof(page));
		fd = memfd_create("restore", MFD_CLOEXEC);
		assert_true(fd >= 0 && ftruncate(fd, SLOT_BYTES) == 0);
		for (uint64_t i = 0; i < SLOT_BYTES / PAGE; i++)
			assert_int_equal(
				pwrite(fd, page, PAGE, (off_t)(i * PAGE)),
				PAGE);
	}
	return fd;
}

static uint8_t *map_slot(int flags, int fd)
{
	return mmap(NULL, SLOT_BYTES, PROT_READ | PROT_WRITE,
		    flags | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
}

static uint8_t *map_region(enum restore_kind kind)
{
	bool is_shared = kind == RESTORE_SHARED || kind == RESTORE_LOCKED;
	int fd = make_file(kind);
	int flags = is_shared ? MAP_SHARED : MAP_PRIVATE;
	uint8_t *map = MAP_FAILED;

	if (kind == RESTORE_HUGETLB)
		map = map_slot(flags | MAP_HUGETLB | 21 << 26, fd);
	if (map == MAP_FAILED)
		map = map_slot(flags, fd);
	assert_true(map != MAP_FAILED);
	if (fd >= 0)
		close(fd);
	if (kind == RESTORE_LOCKED)
		assert_int_equal(mlock(map, SLOT_BYTES), 0);
	return map;
}

static void add_region(struct restore_rig *rig,
		       const struct moment_region *from, size_t i,
		       enum restore_kind kind, uint8_t content)
{
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = names[i],
		.gpa = (uint64_t)i << 32,
		.size_bytes = from->npages * PAGE,
		.page_shift = from->page_shift,
	};
	uint64_t mask = (UINT64_C(1) << from->page_shift) - 1;

	rig->npages[i] = from->npages;
	rig->map[i] = map_region(kind);
	rig->ram[i] = rig->map[i] + (-(uintptr_t)rig->map[i] & mask);
	if (content)
		memset(rig->ram[i], content, from->npages * PAGE);
	options.hva = rig->ram[i];
	assert_int_equal(smudge_region_add(rig->memory, &options,
					   &rig->regions[i], NULL),
			 0);
}

void restore_open(struct restore_rig *rig, const struct moment *moment,
		  enum restore_kind kind, uint8_t content)
{
	*rig = (struct restore_rig){0};
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	for (size_t i = 0; i < MOMENTS_REGIONS; i++) {
		if (moment->regions[i].npages)
			add_region(rig, &moment->regions[i], i, kind, content);
	}
}

void restore_close(struct restore_rig *rig)
{
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
	for (size_t i = 0; i < MOMENTS_REGIONS; i++) {
		if (rig->map[i])
			munmap(rig->map[i], SLOT_BYTES);
	}
}

void restore_check(const struct restore_rig *rig, const struct moment *moment)
{
	for (size_t i = 0; i < MOMENTS_REGIONS; i++) {
		const struct moment_region *region = &moment->regions[i];

		for (uint64_t page = 0; page < region->npages; page++) {
			if (memcmp(rig->ram[i] + page * PAGE,
				   region->bytes + page * PAGE, PAGE) != 0)
				fail_msg("page %ju of %s", (uintmax_t)page,
					 names[i]);
		}
	}
}

uint64_t restore_resident(const struct restore_rig *rig)
{
	unsigned char resident[MOMENTS_MAX_NPAGES];
	uint64_t n = 0;

	for (size_t i = 0; i < MOMENTS_REGIONS; i++) {
		if (!rig->npages[i])
			continue;
		assert_int_equal(
			mincore(rig->ram[i], rig->npages[i] * PAGE, resident),
			0);
		for (uint64_t page = 0; page < rig->npages[i]; page++)
			n += resident[page] & 1;
	}
	return n;
}
