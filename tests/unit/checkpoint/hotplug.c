/* SPDX-License-Identifier: MIT */
/*
 * Regions that come, go and are resized between saves, also while a layer is
 * being written, and between a save that failed and the next one.
 */
#include <errno.h>
#include <string.h>

#include "rig.h"

static struct rig_region *find(struct rig *rig, const char *name)
{
	for (size_t i = 0; i < RIG_MAX_REGIONS; i++)
		if (rig->regions[i].region &&
		    !strcmp(rig->regions[i].name, name))
			return &rig->regions[i];
	return NULL;
}

/* Something happens to one of the regions that may come and go. */
static void change(struct rig *rig, struct test_rng *rng)
{
	static const char *const names[] = {"dimm0", "dimm1", "dimm2"};
	size_t i = test_rng_below(rng, 3);
	struct rig_region *region = find(rig, names[i]);

	if (!region)
		rig_add(rig, names[i], (i + 1) << 30,
			1 + test_rng_below(rng, 900), 900);
	else if (test_rng_below(rng, 2))
		rig_remove(rig, region);
	else
		rig_resize(rig, region, 1 + test_rng_below(rng, 900));
}

static int fail_sometimes(struct rig *rig, const char *callback)
{
	return !strcmp(callback, "save_state") && rig->npauses % 5 == 3 ? -EIO
									: 0;
}

static void regions_come_and_go(void **state)
{
	struct test_rng rng = test_rng_start("hotplug");
	struct rig rig;

	rig_open(&rig, "hotplug");
	rig.options.full_every = 9;
	rig.hook = fail_sometimes;
	rig_add(&rig, "ram", 0, 500, 500);
	rig_write_random(&rig, &rng, 500);
	rig_create(&rig);
	for (unsigned int i = 0; i < test_rounds(60); i++) {
		uint64_t ticket;
		struct rig_moment moment;

		rig_write_random(&rig, &rng, 100);
		if (rig.npauses % 5 == 2) {
			assert_int_equal(smudge_checkpointer_save(rig.cp, NULL,
								  NULL, NULL),
					 -EIO);
			change(&rig, &rng);
			rig_write_random(&rig, &rng, 20);
		}
		ticket = rig_save(&rig);
		moment = rig_take_moment(&rig);
		change(&rig, &rng);
		rig_write_random(&rig, &rng, 20);
		rig_check(&rig, ticket, &moment, NULL);
		rig_free_moment(&moment);
	}
	rig_close(&rig);
}

TEST_MAIN(regions_come_and_go)
