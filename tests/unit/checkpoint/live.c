/* SPDX-License-Identifier: MIT */
/*
 * A live image: after each commit its snapshot is the moment, page by page and
 * by its digests, whatever the device had before, while the machine runs and
 * later saves are on their way.
 */
#include <errno.h>
#include <string.h>

#include "live_rig.h"

#define MIB (UINT64_C(1) << 20)

static struct live live;

static struct rig_region *find(const char *name)
{
	for (size_t i = 0; i < RIG_MAX_REGIONS; i++)
		if (live.rig.regions[i].region &&
		    !strcmp(live.rig.regions[i].name, name))
			return &live.rig.regions[i];
	return NULL;
}

/* Something happens to one of the regions that may come and go. */
static void change(struct test_rng *rng)
{
	static const char *const names[] = {"dimm0", "dimm1", "dimm2"};
	size_t i = test_rng_below(rng, 3);
	struct rig_region *region = find(names[i]);

	if (!region)
		rig_add(&live.rig, names[i], (i + 1) << 30,
			1 + test_rng_below(rng, 900), 900);
	else if (test_rng_below(rng, 2))
		rig_remove(&live.rig, region);
	else
		rig_resize(&live.rig, region, 1 + test_rng_below(rng, 900));
}

static void open_machine(const char *name, struct test_rng *rng,
			 uint64_t disk_bytes)
{
	live_open(&live, name, disk_bytes, test_rng_next(rng) | 1);
	rig_add(&live.rig, "ram", 0, 700, 700);
	rig_write_random(&live.rig, rng, 300);
	atomic_store(&live.rig.seed, test_rng_next(rng));
}

static void the_first_save_is_full(void **state)
{
	struct test_rng rng = test_rng_start("live first");
	struct smudge_layer_info info;

	open_machine("live-first", &rng, 4 * MIB);
	live.rig.options.last_number = 41;
	live_create(&live);
	live_checkpoint(&live, &info);
	assert_true(info.is_full);
	assert_int_equal(info.number, 42);
	assert_int_equal(live.last.number, 42);
	assert_int_equal(live.last.memory_bytes, 700 * 4096);
	assert_memory_equal(&live.last.digest, &info.digest, 16);
	for (uint32_t i = 0; i < 20; i++)
		rig_write(&live.rig, &live.rig.regions[0], i * 33, i);
	live_checkpoint(&live, &info);
	assert_false(info.is_full);
	assert_int_equal(info.number, 43);
	assert_int_equal(info.pages, 20);
	live_close(&live);
}

/* All ways to make zeros. */
static int cannot_zero(void *disk, uint64_t offset, uint64_t length_bytes,
		       struct smudge_error *err)
{
	return -EOPNOTSUPP;
}

static void choose_zero(struct memory_disk *disk, unsigned int i)
{
	if (i % 3 == 1)
		disk->ops.zero = NULL;
	if (i % 3 == 2)
		disk->ops.zero = cannot_zero;
}

static void moments_are_right(void **state)
{
	struct test_rng rng = test_rng_start("live");

	for (unsigned int round = 0; round < 3; round++) {
		open_machine("live", &rng, 4 * MIB);
		live.rig.options.look_ahead = round;
		choose_zero(&live.disk, round);
		live_create(&live);
		rig_start(&live.rig, 2);
		for (unsigned int i = 0; i < test_rounds(8); i++)
			live_checkpoint(&live, NULL);
		assert_true(live.disk.max_write_bytes <= 4 * MIB);
		assert_true(live.disk.max_zero_bytes <= 64 * MIB);
		live_close(&live);
	}
}

/* Each save's snapshot is its own moment, not a later one's. */
static void saves_in_flight(void **state)
{
	struct test_rng rng = test_rng_start("live in flight");

	open_machine("live-flight", &rng, 4 * MIB);
	live_create(&live);
	rig_start(&live.rig, 1);
	for (unsigned int i = 0; i < test_rounds(4); i++) {
		struct rig_moment moments[4];
		uint64_t tickets[4];

		for (unsigned int k = 0; k < 4; k++) {
			tickets[k] = rig_save(&live.rig);
			moments[k] = rig_take_moment(&live.rig);
		}
		for (unsigned int k = 0; k < 4; k++) {
			live_check(&live, tickets[k], &moments[k], NULL);
			rig_free_moment(&moments[k]);
		}
	}
	live_close(&live);
}

static void regions_come_and_go(void **state)
{
	struct test_rng rng = test_rng_start("live regions");

	open_machine("live-regions", &rng, 20 * MIB);
	live_create(&live);
	for (unsigned int i = 0; i < test_rounds(30); i++) {
		struct rig_moment moment;
		uint64_t ticket;

		rig_write_random(&live.rig, &rng, 100);
		ticket = rig_save(&live.rig);
		moment = rig_take_moment(&live.rig);
		change(&rng);
		rig_write_random(&live.rig, &rng, 20);
		live_check(&live, ticket, &moment, NULL);
		rig_free_moment(&moment);
	}
	live_close(&live);
}

/* More than the budget has: it is written while it is copied. */
static void a_streamed_save(void **state)
{
	struct test_rng rng = test_rng_start("live streamed");
	struct smudge_layer_info info;

	live_open(&live, "live-stream", 40 * MIB, 1);
	rig_add(&live.rig, "ram", 0, 6000, 6000);
	live.rig.options.memory_budget_bytes = 8 * MIB;
	live.rig.options.look_ahead = true;
	for (size_t page = 0; page < 6000; page++)
		rig_write(&live.rig, &live.rig.regions[0], page,
			  (uint32_t)test_rng_next(&rng));
	atomic_store(&live.rig.seed, test_rng_next(&rng));
	live_create(&live);
	rig_start(&live.rig, 1);
	for (unsigned int i = 0; i < test_rounds(2); i++) {
		const struct smudge_save_options options = {
			.size = sizeof(options),
			.is_full = true,
			.look_ahead = i % 2,
		};
		struct rig_moment moment;
		uint64_t ticket;

		assert_int_equal(smudge_checkpointer_save(live.rig.cp, &options,
							  &ticket, NULL),
				 0);
		moment = rig_take_moment(&live.rig);
		live_check(&live, ticket, &moment, &info);
		assert_true(info.is_full);
		rig_free_moment(&moment);
	}
	live_close(&live);
}

/* Pages that follow each other become few writes, zeros none. */
static void runs_are_joined(void **state)
{
	live_open(&live, "live-joined", 40 * MIB, 1);
	rig_add(&live.rig, "ram", 0, 8192, 8192);
	for (uint32_t page = 0; page < 4096; page++)
		rig_write(&live.rig, &live.rig.regions[0], page, page + 1);
	live_create(&live);
	live_checkpoint(&live, NULL);
	/* Footer twice, tail, 16 MiB in runs, tables. */
	assert_true(live.disk.nwrites < 16);
	assert_true(live.disk.nzeros < 8);
	assert_int_equal(live.disk.nflushes, 3);
	assert_true(live.disk.max_write_bytes >= 2 * MIB);
	live_close(&live);
}

TEST_MAIN(the_first_save_is_full, moments_are_right, saves_in_flight,
	  regions_come_and_go, a_streamed_save, runs_are_joined)
