/* SPDX-License-Identifier: MIT */
/*
 * Regions that are read by an operation, as another process's are: where there
 * is no memory now, the layer has zeros; another failure fails the save. The
 * program changes the regions in quiesce, also in a save that has copied
 * before.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "rig.h"

enum {
	NPAGES = 900
};

static bool is_hole[NPAGES];
static int failure;

static int read_op(void *opaque, uint64_t offset_bytes, size_t length_bytes,
		   void *buffer, struct smudge_error *err)
{
	uint64_t last = (offset_bytes + length_bytes - 1) / 4096;

	if (failure)
		return smudge_error_set(err, failure, "test", "it has ended");
	for (uint64_t page = offset_bytes / 4096; page <= last; page++)
		if (is_hole[page])
			return smudge_error_set(err, -EFAULT, "test",
						"nothing is there");
	memcpy(buffer, (uint8_t *)opaque + offset_bytes, length_bytes);
	return 0;
}

static struct rig_region *add_read(struct rig *rig, size_t i)
{
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "ram",
						.size_bytes = NPAGES * 4096,
						.read = read_op};
	struct rig_region *region = &rig->regions[i];

	*region = (struct rig_region){
		.name = "ram", .npages = NPAGES, .max_npages = NPAGES};
	region->bytes = mmap(NULL, NPAGES * 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	options.read_opaque = region->bytes;
	assert_int_equal(
		smudge_region_add(rig->memory, &options, &region->region, NULL),
		0);
	return region;
}

/* A page comes, with zeros, or goes; both are reported. */
static void move_hole(struct rig_region *region, size_t page)
{
	is_hole[page] = !is_hole[page];
	memset(region->bytes + page * 4096, 0, 4096);
	smudge_region_mark(region->region, page, 1);
}

static void write_some(struct rig *rig, struct rig_region *region,
		       struct test_rng *rng)
{
	for (int k = 0; k < 60; k++) {
		size_t page = test_rng_below(rng, NPAGES);

		if (test_rng_below(rng, 4) == 0)
			move_hole(region, page);
		else if (!is_hole[page])
			rig_write(rig, region, page,
				  (uint32_t)test_rng_next(rng));
	}
}

static void holes_are_zeros(void **state)
{
	struct test_rng rng = test_rng_start("holes");
	struct rig_region *region;
	struct rig rig;

	rig_open(&rig, "holes");
	region = add_read(&rig, 0);
	rig.options.full_every = 4;
	rig_create(&rig);
	for (unsigned int i = 0; i < test_rounds(20); i++) {
		write_some(&rig, region, &rng);
		if (i % 5 == 4) {
			failure = -ESRCH;
			assert_int_equal(smudge_checkpointer_save(rig.cp, NULL,
								  NULL, NULL),
					 -ESRCH);
			failure = 0;
		}
		rig_checkpoint(&rig, NULL);
	}
	memset(is_hole, 0, sizeof(is_hole));
	rig_close(&rig);
}

static int change_regions(struct rig *rig, const char *callback)
{
	if (strcmp(callback, "quiesce"))
		return 0;
	if (rig->regions[1].region) {
		rig_remove(rig, &rig->regions[1]);
	} else {
		rig_add(rig, "new", 1 << 30, 300, 300);
		rig_write(rig, &rig->regions[1], 7, 9);
	}
	return 0;
}

static void regions_change_in_quiesce(void **state)
{
	struct test_rng rng = test_rng_start("change");
	struct rig rig;

	rig_open(&rig, "change");
	rig_add(&rig, "ram", 0, NPAGES, NPAGES);
	rig.hook = change_regions;
	rig.options.look_ahead = true;
	rig_create(&rig);
	for (unsigned int i = 0; i < 8; i++) {
		rig_write_random(&rig, &rng, 100);
		rig_checkpoint(&rig, NULL);
	}
	rig_close(&rig);
}

TEST_MAIN(holes_are_zeros, regions_change_in_quiesce)
