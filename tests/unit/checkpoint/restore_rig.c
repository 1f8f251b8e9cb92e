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
#define SLOT_BYTES (MOMENTS_MAX_NPAGES * PAGE + (UINT64_C(1) << 16))

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

static uint8_t *map_region(enum restore_kind kind, unsigned int page_shift)
{
	bool is_shared = kind == RESTORE_SHARED || kind == RESTORE_LOCKED;
	uint64_t mask = (UINT64_C(1) << page_shift) - 1;
	int fd = make_file(kind);
	uint8_t *map = mmap(NULL, SLOT_BYTES, PROT_READ | PROT_WRITE,
			    (is_shared ? MAP_SHARED : MAP_PRIVATE) |
				    (fd < 0 ? MAP_ANONYMOUS : 0),
			    fd, 0);

	assert_true(map != MAP_FAILED);
	if (fd >= 0)
		close(fd);
	if (kind == RESTORE_LOCKED)
		assert_int_equal(mlock(map, SLOT_BYTES), 0);
	/* What is before it stays mapped until the test's end. */
	return map + (-(uintptr_t)map & mask);
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

	rig->npages[i] = from->npages;
	rig->ram[i] = map_region(kind, from->page_shift);
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
		if (rig->ram[i])
			munmap(rig->ram[i], rig->npages[i] * PAGE);
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
