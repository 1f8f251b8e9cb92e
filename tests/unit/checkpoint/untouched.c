/* SPDX-License-Identifier: MIT */
/*
 * Memory that was never touched is neither read nor stored, and a save does not
 * populate it; nor does memory that was discarded come back.
 */
#include <sys/mman.h>

#include "rig.h"

enum {
	NPAGES = 100000
};

static size_t populated(const struct rig_region *region)
{
	static unsigned char is_there[NPAGES];
	size_t n = 0;

	assert_int_equal(
		mincore(region->bytes, region->npages * 4096UL, is_there), 0);
	for (size_t i = 0; i < region->npages; i++)
		n += is_there[i] & 1;
	return n;
}

static void expect_untouched(struct rig *rig, uint64_t least)
{
	struct smudge_checkpointer_stats stats = {.size = sizeof(stats)};

	assert_int_equal(smudge_checkpointer_stats(rig->cp, &stats), 0);
	assert_true(stats.untouched_pages >= least);
}

/* Without the callbacks, which copy all of the memory. */
static void create(struct rig *rig)
{
	rig->options.folder = rig->folder;
	assert_int_equal(smudge_checkpointer_create(rig->memory, &rig->options,
						    &rig->cp, NULL),
			 0);
}

static struct smudge_layer_info save(struct rig *rig)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	uint64_t ticket = rig_save(rig);

	assert_int_equal(smudge_checkpointer_wait(rig->cp, ticket, &info, NULL),
			 0);
	return info;
}

static struct rig_region *add(struct rig *rig, const char *name, uint64_t gpa)
{
	struct rig_region *region = rig_add(rig, name, gpa, NPAGES, NPAGES);

	madvise(region->bytes, NPAGES * 4096UL, MADV_NOHUGEPAGE);
	return region;
}

/* The layers have the pages, and about nothing else. */
static void it_is_not_read(void **state)
{
	struct smudge_layer_info info;
	struct rig_region *region, *later;
	struct rig rig;

	rig_open(&rig, "untouched");
	region = add(&rig, "ram", 0);
	for (size_t i = 0; i < 50; i++)
		rig_write(&rig, region, i * 1999, 3);
	create(&rig);
	info = save(&rig);
	assert_int_equal(info.pages, 50);
	assert_true(info.file_bytes < 1 << 20);
	assert_int_equal(populated(region), 50);
	expect_untouched(&rig, NPAGES - 50);
	/* A delta with more memory of that kind. */
	later = add(&rig, "later", UINT64_C(1) << 32);
	rig_write(&rig, later, 5000, 3);
	info = save(&rig);
	assert_false(info.is_full);
	assert_true(info.file_bytes < 1 << 20);
	assert_int_equal(populated(later), 1);
	expect_untouched(&rig, 2 * NPAGES - 51);
	rig_close(&rig);
}

static void what_was_discarded_stays_away(void **state)
{
	struct smudge_layer_info info;
	struct rig_region *region;
	struct rig rig;

	rig_open(&rig, "discarded");
	region = add(&rig, "ram", 0);
	for (size_t i = 0; i < 2000; i++)
		rig_write(&rig, region, i, 3);
	create(&rig);
	save(&rig);
	assert_int_equal(
		smudge_region_discard(region->region, 100, 900, -1, NULL), 0);
	info = save(&rig);
	assert_int_equal(populated(region), 1100);
	assert_int_equal(info.zero_pages, 900);
	rig_close(&rig);
}

TEST_MAIN(it_is_not_read, what_was_discarded_stays_away)
