/* SPDX-License-Identifier: MIT */
/*
 * What a region that is resized means for its clients, marks, batches and
 * sources. errors_region_resize.c has the refusals, resize_random.c compares
 * with a model, resize_loss.c has live writers.
 */
#include "support.h"

#include <errno.h>

#include "armed_source.h"
#include "fake_source.h"

#define NPAGES	   5000
#define MAX_NPAGES UINT64_C(600000)

static struct world {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client;
	struct smudge_batch *batch;
} world;

static int set_up(void **state)
{
	struct world *w = &world;

	assert_int_equal(smudge_memory_create(&w->memory), 0);
	w->region = fake_region_room(w->memory, UINT64_C(1) << 32, NPAGES,
				     MAX_NPAGES);
	w->client = fake_client(w->memory, "me", true);
	assert_int_equal(smudge_batch_create(0, &w->batch, NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = &world;

	assert_int_equal(smudge_client_close(w->client), 0);
	assert_int_equal(smudge_batch_destroy(w->batch), 0);
	assert_int_equal(smudge_memory_destroy(w->memory, NULL), 0);
	return 0;
}

static void resize(uint64_t npages)
{
	struct smudge_error err;

	assert_int_equal(smudge_region_resize(world.region, npages, &err), 0);
	assert_int_equal(smudge_region_npages(world.region), npages);
}

static uint64_t count(uint64_t first_page, uint64_t npages)
{
	return smudge_client_count(world.client, world.region, first_page,
				   npages);
}

static void test_bits_stay(void **state)
{
	struct smudge_run run;

	smudge_region_mark(world.region, 17, 1);
	assert_int_equal(
		smudge_client_mark(world.client, world.region, 4999, 1), 0);
	resize(MAX_NPAGES);
	assert_int_equal(count(0, NPAGES), 2);
	assert_int_equal(count(NPAGES, UINT64_MAX), MAX_NPAGES - NPAGES);
	resize(4000);
	assert_true(smudge_client_next_dirty(world.client, world.region, 0,
					     MAX_NPAGES, &run));
	assert_int_equal(run.first_page, 17);
	assert_int_equal(run.npages, 1);
	assert_int_equal(count(0, UINT64_MAX), 1);
	resize(NPAGES);
	assert_int_equal(count(4000, UINT64_MAX), 1000);
	assert_int_equal(count(0, UINT64_MAX), 1001);
}

static void test_marks(void **state)
{
	struct smudge_region *after;
	uint64_t gpa = smudge_region_gpa(world.region);

	smudge_region_mark(world.region, NPAGES, 1);
	smudge_memory_mark_gpa(world.memory, gpa + (NPAGES << 12), 4096);
	assert_int_equal(count(0, UINT64_MAX), 0);
	after = fake_region(world.memory, gpa + (MAX_NPAGES << 12), 10);
	assert_int_equal(fake_take(world.client, after), 10);
	resize(2 * NPAGES);
	fake_take(world.client, world.region);
	smudge_region_mark(world.region, 2 * NPAGES - 1, 2);
	assert_int_equal(count(0, UINT64_MAX), 1);
	smudge_memory_mark_gpa(world.memory, gpa + (NPAGES << 12), 4096);
	assert_int_equal(count(NPAGES, 1), 1);
	/* across the end, the hole behind it, and into the next region */
	smudge_memory_mark_gpa(world.memory, gpa, (MAX_NPAGES + 1) << 12);
	assert_int_equal(count(0, UINT64_MAX), 2 * NPAGES);
	assert_int_equal(fake_take(world.client, after), 1);
	resize(100);
	smudge_memory_mark_gpa(world.memory, gpa + (100 << 12), 4096);
	assert_int_equal(count(0, UINT64_MAX), 100);
}

/* Every client, and one that opens later, or receives marks only. */
static void test_clients(void **state)
{
	const struct smudge_client_options marks = {
		.size = sizeof(marks), .name = "marks", .marks_only = true};
	struct smudge_client *second;

	assert_int_equal(
		smudge_client_open(world.memory, &marks, &second, NULL), 0);
	fake_take(second, world.region);
	resize(NPAGES + 10);
	assert_int_equal(fake_take(second, world.region), 10);
	assert_int_equal(fake_take(world.client, world.region), 10);
	assert_int_equal(smudge_client_close(second), 0);
	second = fake_client(world.memory, "late", false);
	resize(NPAGES + 20);
	assert_int_equal(fake_take(second, world.region), NPAGES + 20);
	assert_int_equal(smudge_client_close(second), 0);
	assert_int_equal(fake_take(world.client, world.region), 10);
}

/* What is returned after a shrink and a growth is what is left of it. */
static void test_batches(void **state)
{
	struct smudge_run rest = {0, NPAGES};

	smudge_region_mark(world.region, 0, NPAGES);
	assert_int_equal(smudge_client_take(world.client, world.region, 0, 100,
					    world.batch, NULL),
			 0);
	resize(NPAGES * 2);
	resize(100);
	assert_int_equal(smudge_client_return(world.client, world.batch), 0);
	assert_int_equal(count(0, UINT64_MAX), 100);
	/* A position of before. */
	assert_int_equal(smudge_client_take_next(world.client, world.region,
						 &rest, 10, world.batch, NULL),
			 -EINVAL);
	assert_int_equal(rest.npages, NPAGES);
	rest.npages = 100;
	assert_int_equal(smudge_client_take_next(world.client, world.region,
						 &rest, 1000, world.batch,
						 NULL),
			 1);
	assert_int_equal(smudge_batch_npages(world.batch), 100);
	assert_int_equal(smudge_client_commit(world.client, world.batch), 0);
	/* An earlier batch's end does not count once it is committed. */
	assert_int_equal(smudge_client_take(world.client, world.region, 0, 100,
					    world.batch, NULL),
			 0);
	resize(1);
	assert_int_equal(smudge_client_commit(world.client, world.batch), 0);
}

static uint64_t harvest(void)
{
	assert_int_equal(smudge_memory_harvest(world.memory, NULL), 0);
	return fake_take(world.client, world.region);
}

/* Sources that follow the end, at a take and at a harvest, from page 0 on. */
static void follow(bool rearms_at_take)
{
	struct armed_source armed, fixed;

	armed_create_room(&armed, NPAGES, MAX_NPAGES, rearms_at_take, true);
	armed_create(&fixed, 10, rearms_at_take, true);
	assert_int_equal(
		smudge_region_attach(world.region, armed.source, 0, 0, NULL),
		0);
	assert_int_equal(
		smudge_region_attach(world.region, fixed.source, 20, 10, NULL),
		0);
	harvest();
	assert_int_equal(harvest(), 0);
	resize(NPAGES + 1000);
	assert_int_equal(armed.grows, 1);
	armed_touch(&armed, NPAGES + 999);
	armed_touch(&armed, 3);
	armed_touch(&fixed, 3);
	/* the new pages, two of the old ones */
	assert_int_equal(harvest(), 1002);
	harvest(); /* re-arms the new ones, if takes re-arm */
	armed_touch(&armed, NPAGES + 999);
	assert_int_equal(harvest(), 1);
	assert_int_equal(harvest(), 0);
	armed_touch(&armed, NPAGES + 999);
	resize(NPAGES);
	armed_touch(&armed, NPAGES - 1);
	assert_int_equal(harvest(), 1);
	assert_int_equal(harvest(), 0);
	/* The region's size is what the next start has. */
	assert_int_equal(smudge_client_close(world.client), 0);
	resize(MAX_NPAGES);
	assert_int_equal(armed.grows + armed.shrinks, 2);
	world.client = fake_client(world.memory, "again", false);
	assert_int_equal(armed.npages, MAX_NPAGES);
	armed_destroy(&armed);
	armed_destroy(&fixed);
}

static void test_sources(void **state)
{
	follow(false);
}

static void test_sources_rearmed_by_takes(void **state)
{
	follow(true);
}

/* New pages were not armed while no I/O was in flight. */
static void test_quiesced(void **state)
{
	const struct smudge_client_options o = {.size = sizeof(o),
						.name = "quiesced",
						.rearm_policy =
							SMUDGE_REARM_QUIESCED};
	struct armed_source armed;
	struct smudge_client *quiesced;

	armed_create_room(&armed, NPAGES, MAX_NPAGES, false, true);
	assert_int_equal(
		smudge_region_attach(world.region, armed.source, 0, 0, NULL),
		0);
	assert_int_equal(smudge_client_open(world.memory, &o, &quiesced, NULL),
			 0);
	assert_int_equal(smudge_memory_harvest_quiesced(world.memory, NULL), 0);
	assert_int_equal(fake_take(quiesced, world.region), NPAGES);
	harvest();
	assert_int_equal(fake_take(quiesced, world.region), 0);
	resize(NPAGES + 64);
	assert_int_equal(fake_take(quiesced, world.region), 64);
	harvest(); /* a look */
	assert_int_equal(fake_take(quiesced, world.region), NPAGES + 64);
	assert_int_equal(smudge_memory_harvest_quiesced(world.memory, NULL), 0);
	assert_int_equal(fake_take(quiesced, world.region), NPAGES + 64);
	harvest();
	assert_int_equal(fake_take(quiesced, world.region), 0);
	assert_int_equal(smudge_client_close(quiesced), 0);
	armed_destroy(&armed);
}

TEST_MAIN_WITH(set_up, tear_down, test_bits_stay, test_marks, test_clients,
	       test_batches, test_sources, test_sources_rearmed_by_takes,
	       test_quiesced)
