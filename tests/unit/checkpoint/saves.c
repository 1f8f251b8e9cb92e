/* SPDX-License-Identifier: MIT */
/*
 * Layers of a memory that is written all the time: each is exactly the memory
 * of its pause.
 */
#include "rig.h"

static void each_layer_is_its_moment(void **state)
{
	struct test_rng rng = test_rng_start("saves");
	struct smudge_layer_info info;
	struct rig rig;

	rig_open(&rig, "saves");
	atomic_store(&rig.seed, test_rng_next(&rng));
	rig_add(&rig, "ram", 0, 700, 700);
	rig_add(&rig, "high", 1 << 30, 3000, 3000);
	rig_write_random(&rig, &rng, 500);
	rig_create(&rig);
	rig_start(&rig, 2);
	for (unsigned int i = 0; i < test_rounds(12); i++) {
		rig_checkpoint(&rig, &info);
		assert_int_equal(info.is_full, i == 0);
		assert_int_equal(info.number, i + 1);
	}
	rig_close(&rig);
}

/* Layers are written while the next ones are saved. */
static void saves_overlap(void **state)
{
	enum {
		DEPTH = 5
	};
	struct test_rng rng = test_rng_start("overlap");
	struct rig_moment moments[DEPTH];
	uint64_t tickets[DEPTH];
	struct rig rig;

	rig_open(&rig, "overlap");
	rig.options.full_every = 7;
	rig_add(&rig, "ram", 0, 2000, 2000);
	rig_write_random(&rig, &rng, 500);
	rig_create(&rig);
	rig_start(&rig, 2);
	for (unsigned int i = 0; i < test_rounds(4); i++) {
		for (unsigned int k = 0; k < DEPTH; k++) {
			tickets[k] = rig_save(&rig);
			moments[k] = rig_take_moment(&rig);
		}
		for (unsigned int k = 0; k < DEPTH; k++) {
			rig_check(&rig, tickets[k], &moments[k], NULL);
			rig_free_moment(&moments[k]);
		}
	}
	rig_close(&rig);
}

TEST_MAIN(each_layer_is_its_moment, saves_overlap)
