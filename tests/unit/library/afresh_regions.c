/* SPDX-License-Identifier: MIT */
/*
 * The calls of errors_begin_afresh that ask for, read or drop what a region of
 * real memory holds.
 */
#include "afresh_calls.h"

#include <sys/mman.h>

#include <smudge/smudge.h>

#include "support.h"

#define NPAGES 64

static struct {
	struct smudge_memory *memory;
	struct smudge_region *region;
} ram;

static void open_ram(void)
{
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "ram",
						.size_bytes = NPAGES << 12};

	options.hva = mmap(NULL, NPAGES << 12, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(options.hva != MAP_FAILED);
	assert_int_equal(smudge_memory_create(&ram.memory), 0);
	assert_int_equal(
		smudge_region_add(ram.memory, &options, &ram.region, NULL), 0);
}

static void close_ram(void)
{
	void *hva = smudge_region_hva(ram.region);

	assert_int_equal(smudge_memory_destroy(ram.memory, NULL), 0);
	munmap(hva, NPAGES << 12);
}

int afresh_region_next_populated(bool fails, struct smudge_error *err)
{
	struct smudge_run run;
	int ret;

	open_ram();
	ret = smudge_region_next_populated(
		ram.region, 0, fails ? NPAGES + 1 : NPAGES, &run, err);
	close_ram();
	return ret < 0 ? ret : 0;
}

int afresh_region_read(bool fails, struct smudge_error *err)
{
	static char page[4096];
	int ret;

	open_ram();
	ret = smudge_region_read(ram.region, fails ? NPAGES : 0, 1, page, err);
	close_ram();
	return ret;
}

int afresh_region_read_bytes(bool fails, struct smudge_error *err)
{
	char byte;
	int ret;

	open_ram();
	ret = smudge_region_read_bytes(ram.region, fails ? NPAGES * 4096 : 0, 1,
				       &byte, err);
	close_ram();
	return ret;
}

int afresh_region_discard(bool fails, struct smudge_error *err)
{
	int ret;

	open_ram();
	ret = smudge_region_discard(ram.region, fails ? NPAGES : 0, 1, -1, err);
	close_ram();
	return ret;
}
