/* SPDX-License-Identifier: MIT */
/*
 * A hub's sources, one step at a time: what a harvest, a look and a stop of one
 * do to the others, and the order of destruction.
 */
#include "hub_rig.h"

#define MANY (1 << 14)

static void test_others_are_kept(void **state)
{
	struct hub_rig f;

	hub_rig_open(&f);
	hub_rig_store(&f, 0, 3);
	hub_rig_store(&f, 1, 7);
	hub_rig_harvest(&f, 0);
	assert_int_equal(f.machine.nposted, 2);
	assert_true(smudge_client_test(f.client, f.regions[0], 3));
	assert_int_equal(hub_rig_count(&f, 0), 1);
	assert_int_equal(hub_rig_count(&f, 1), 0);
	hub_rig_harvest(&f, 1);
	assert_true(smudge_client_test(f.client, f.regions[1], 7));
	assert_int_equal(hub_rig_count(&f, 1), 1);
	hub_rig_clean(&f);
	assert_int_equal(smudge_memory_harvest(f.memory, NULL), 0);
	assert_int_equal(hub_rig_count(&f, 0) + hub_rig_count(&f, 1), 0);
	hub_rig_close(&f);
}

/* Each look and the next harvest report it again. */
static void test_look_keeps(void **state)
{
	struct hub_rig f;

	hub_rig_open(&f);
	hub_rig_store(&f, 0, 3);
	for (int i = 0; i < 3; i++) {
		if (i < 2)
			hub_rig_look(&f, 0);
		else
			hub_rig_harvest(&f, 0);
		assert_true(smudge_client_test(f.client, f.regions[0], 3));
		assert_int_equal(hub_rig_count(&f, 0), 1);
		hub_rig_clean(&f);
	}
	hub_rig_look(&f, 0);
	hub_rig_harvest(&f, 0);
	assert_int_equal(hub_rig_count(&f, 0), 0);
	/* The look re-armed it. */
	hub_rig_store(&f, 0, 3);
	hub_rig_harvest(&f, 0);
	assert_int_equal(hub_rig_count(&f, 0), 1);
	hub_rig_close(&f);
}

/* By a virtual CPU's thread: nothing is harvested, and nothing is lost. */
static void test_collected_before(void **state)
{
	struct hub_rig f;

	hub_rig_open(&f);
	for (uint64_t p = 0; p < HUB_RIG_PAGES; p++)
		hub_rig_store(&f, p % 2, p);
	assert_true(f.machine.nfull > 0);
	assert_int_equal(smudge_hub_collect(f.machine.hub, NULL), 0);
	assert_int_equal(f.machine.nposted, HUB_RIG_PAGES);
	for (unsigned int i = 0; i < 2; i++) {
		hub_rig_harvest(&f, i);
		assert_int_equal(hub_rig_count(&f, i), HUB_RIG_PAGES / 2);
	}
	hub_rig_close(&f);
}

/* One source stops and starts; an entry of before may be in the ring. */
static void test_stop_and_start(void **state)
{
	struct smudge_error err = {0};
	struct hub_rig f;

	hub_rig_open(&f);
	hub_rig_store(&f, 0, 1);
	assert_int_equal(smudge_source_detach(f.machine.slots[0].source, &err),
			 0);
	assert_true(smudge_client_test(f.client, f.regions[0], 1));
	hub_rig_clean(&f);
	hub_rig_store(&f, 0, 2); /* not detected */
	hub_rig_store(&f, 1, 5);
	smudge_hub_post(f.machine.slots[0].member, 4, 1);
	hub_rig_harvest(&f, 1);
	assert_int_equal(hub_rig_count(&f, 1), 1);
	assert_int_equal(hub_rig_attach(&f, 0, &err), 0);
	assert_int_equal(hub_rig_count(&f, 0), HUB_RIG_PAGES);
	hub_rig_clean(&f);
	hub_rig_harvest(&f, 0);
	assert_int_equal(hub_rig_count(&f, 0), 0);
	hub_rig_store(&f, 0, 9);
	hub_rig_harvest(&f, 0);
	assert_int_equal(hub_rig_count(&f, 0), 1);
	hub_rig_close(&f);
}

/* The last client stops all sources; without one no memory is held. */
static void test_no_client(void **state)
{
	struct hub_rig f;

	hub_rig_open(&f);
	assert_int_equal(smudge_client_close(f.client), 0);
	assert_int_equal(f.machine.slots[1].stops, 1);
	hub_rig_store(&f, 1, 5);
	assert_int_equal(smudge_hub_collect(f.machine.hub, NULL), 0);
	f.client = hub_rig_client(&f);
	assert_int_equal(hub_rig_count(&f, 1), HUB_RIG_PAGES);
	hub_rig_close(&f);
}

/* Sources continue without the hub's owner; the last one frees it. */
static void test_hub_goes_first(void **state)
{
	struct hub_rig f;

	hub_rig_open(&f);
	smudge_hub_destroy(f.machine.hub);
	assert_int_equal(f.machine.destroys, 0);
	hub_rig_store(&f, 1, 5);
	hub_rig_harvest(&f, 1);
	assert_int_equal(hub_rig_count(&f, 1), 1);
	ring_leave(&f.machine, 0);
	assert_int_equal(f.machine.destroys, 0);
	ring_leave(&f.machine, 1);
	assert_int_equal(f.machine.destroys, 1);
	assert_int_equal(smudge_client_close(f.client), 0);
	assert_int_equal(smudge_memory_destroy(f.memory, NULL), 0);
}

static void test_region_is_removed(void **state)
{
	struct hub_rig f;

	hub_rig_open(&f);
	hub_rig_store(&f, 0, 3);
	hub_rig_store(&f, 1, 4);
	assert_int_equal(smudge_region_remove(f.regions[0], NULL), 0);
	assert_int_equal(f.machine.slots[0].stops, 1);
	hub_rig_harvest(&f, 1);
	assert_int_equal(hub_rig_count(&f, 1), 1);
	f.regions[0] = hub_rig_region(&f, 0, HUB_RIG_PAGES, 12);
	assert_int_equal(hub_rig_attach(&f, 0, NULL), 0);
	hub_rig_clean(&f);
	hub_rig_store(&f, 0, 3);
	hub_rig_harvest(&f, 0);
	assert_int_equal(hub_rig_count(&f, 0), 1);
	hub_rig_close(&f);
}

static int nothing(void *opaque, struct smudge_error *err)
{
	return 0;
}

/* More runs than a batch holds. */
static void test_many_runs(void **state)
{
	const struct smudge_hub_ops ops = {
		.size = sizeof(ops), .name = "hub", .collect = nothing};
	const struct smudge_hub_member_options options = {
		.size = sizeof(options), .npages = MANY, .page_shift = 12};
	struct smudge_hub_member *member;
	struct smudge_source *source;
	struct hub_rig f = {0};
	struct smudge_hub *hub;

	assert_int_equal(smudge_memory_create(&f.memory), 0);
	assert_int_equal(smudge_hub_create(&ops, NULL, &hub, NULL), 0);
	assert_int_equal(smudge_hub_join(hub, &options, &source, &member, NULL),
			 0);
	f.regions[0] = hub_rig_region(&f, 0, MANY, 12);
	f.client = hub_rig_client(&f);
	assert_int_equal(smudge_region_attach(f.regions[0], source, 0, 0, NULL),
			 0);
	assert_int_equal(
		smudge_client_skip(f.client, f.regions[0], 0, MANY, NULL), 0);
	for (uint64_t p = 0; p < MANY; p += 2)
		smudge_hub_post(member, p, 1);
	smudge_hub_post(member, MANY, 1); /* outside */
	hub_rig_harvest(&f, 0);
	assert_int_equal(smudge_client_count(f.client, f.regions[0], 0, MANY),
			 MANY / 2);
	smudge_hub_post(member, 10, 3);
	smudge_hub_post(member, MANY - 1, MANY);
	assert_int_equal(
		smudge_client_skip(f.client, f.regions[0], 0, MANY, NULL), 0);
	hub_rig_harvest(&f, 0);
	assert_int_equal(smudge_client_count(f.client, f.regions[0], 0, MANY),
			 4);
	assert_int_equal(smudge_client_close(f.client), 0);
	smudge_source_destroy(source);
	smudge_hub_destroy(hub);
	assert_int_equal(smudge_memory_destroy(f.memory, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others_are_kept),
		cmocka_unit_test(test_look_keeps),
		cmocka_unit_test(test_collected_before),
		cmocka_unit_test(test_stop_and_start),
		cmocka_unit_test(test_no_client),
		cmocka_unit_test(test_hub_goes_first),
		cmocka_unit_test(test_region_is_removed),
		cmocka_unit_test(test_many_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
