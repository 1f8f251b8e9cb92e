/* SPDX-License-Identifier: MIT */
/*
 * Every refusal of smudge_region_resize: the error, a sentence that names what
 * is in the way, and nothing changed.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "armed_source.h"
#include "fake_source.h"

#define NPAGES	   1000
#define MAX_NPAGES 5000
#define NEXT_PAGE  4000 /* another region begins there */

static struct world {
	struct smudge_memory *memory;
	struct smudge_region *region, *next;
	struct smudge_client *client;
	struct smudge_batch *batch;
	struct armed_source armed; /* to the end from page 500 on */
	struct armed_source late;  /* to the end as well, attached before it */
	struct fake_source fake;
} world;

static void nothing(void)
{
}

static void hold(void)
{
	smudge_region_hold(world.region);
}

static void release(void)
{
	smudge_region_release(world.region);
}

/* The last dirty page that it has is 899. */
static void take_900(void)
{
	struct smudge_client *c = world.client;

	assert_int_equal(
		smudge_client_take(c, world.region, 0, 900, world.batch, NULL),
		0);
}

static void give_back(void)
{
	assert_int_equal(smudge_client_return(world.client, world.batch), 0);
}

static void attach_fixed(void)
{
	assert_int_equal(smudge_region_attach(world.region, world.fake.source,
					      900, 50, NULL),
			 0);
}

static void attach_to_end(void)
{
	assert_int_equal(smudge_region_attach(world.region, world.fake.source,
					      900, 0, NULL),
			 0);
}

static void detach(void)
{
	assert_int_equal(smudge_source_detach(world.fake.source, NULL), 0);
}

static void refuse_to_grow(void)
{
	world.armed.grow_error = -ENOMEM;
}

static void grow_to_nonsense(void)
{
	world.armed.grow_error = -EOWNERDEAD;
}

static void grow_again(void)
{
	world.armed.grow_error = 0;
}

static const struct refusal {
	uint64_t npages;
	int error;
	const char *names; /* the sentence, or the part that failed */
	void (*before)(void);
	void (*after)(void);
} refusals[] = {
	{0, -EINVAL, "ram-0", nothing, nothing},
	{MAX_NPAGES + 1, -ENOSPC, "5000", nothing, nothing},
	{UINT64_MAX, -ENOSPC, "5000", nothing, nothing},
	{UINT64_C(1) << 52, -ENOSPC, "5000", nothing, nothing},
	{NEXT_PAGE + 1, -EEXIST, "ram-fa0000", nothing, nothing},
	{MAX_NPAGES, -EEXIST, "ram-fa0000", nothing, nothing},
	{NPAGES + 1, -EBUSY, "held", hold, release},
	{NPAGES - 1, -EBUSY, "held", hold, release},
	{899, -EBUSY, "client me", take_900, give_back},
	{600, -EBUSY, "client me", take_900, give_back},
	{949, -EBUSY, "fake", attach_fixed, detach},
	{1, -EBUSY, "fake", attach_fixed, detach},
	{NPAGES + 1, -EOPNOTSUPP, "fake", attach_to_end, detach},
	{NPAGES - 1, -EOPNOTSUPP, "fake", attach_to_end, detach},
	{500, -EBUSY, "armed", nothing, nothing},
	{NPAGES + 1, -ENOMEM, "armed", refuse_to_grow, grow_again},
	{NPAGES + 1, -EIO, "armed", grow_to_nonsense, grow_again},
};

static void open_world(struct world *w)
{
	assert_int_equal(smudge_memory_create(&w->memory), 0);
	w->region = fake_region_room(w->memory, 0, NPAGES, MAX_NPAGES);
	w->next = fake_region(w->memory, NEXT_PAGE << 12, 64);
	armed_create_room(&w->armed, NPAGES, MAX_NPAGES, true, true);
	armed_create_room(&w->late, NPAGES, MAX_NPAGES, false, true);
	fake_create(&w->fake, true);
	assert_int_equal(
		smudge_region_attach(w->region, w->armed.source, 500, 0, NULL),
		0);
	assert_int_equal(
		smudge_region_attach(w->region, w->late.source, 0, 0, NULL), 0);
	w->client = fake_client(w->memory, "me", false);
	assert_int_equal(smudge_client_skip(w->client, w->region, 10, 20, NULL),
			 0);
	assert_int_equal(smudge_batch_create(0, &w->batch, NULL), 0);
}

static void close_world(struct world *w)
{
	assert_int_equal(smudge_client_close(w->client), 0);
	armed_destroy(&w->armed);
	armed_destroy(&w->late);
	fake_destroy(&w->fake);
	assert_int_equal(smudge_batch_destroy(w->batch), 0);
	assert_int_equal(smudge_memory_destroy(w->memory, NULL), 0);
}

static void check_same(const struct refusal *r)
{
	struct world *w = &world;

	assert_int_equal(smudge_region_npages(w->region), NPAGES);
	assert_int_equal(
		smudge_client_count(w->client, w->region, 0, UINT64_MAX),
		NPAGES - 20);
	assert_int_equal(w->armed.npages, NPAGES - 500);
	assert_int_equal(w->late.npages, NPAGES);
	assert_int_equal(w->late.grows, w->late.shrinks);
	/* both sources still report up to the end, and nothing beyond */
	assert_int_equal(
		smudge_client_skip(w->client, w->region, 0, NPAGES, NULL), 0);
	armed_touch(&w->armed, NPAGES - 501);
	armed_touch(&w->late, 7);
	smudge_region_mark(w->region, NPAGES, 100);
	assert_int_equal(smudge_region_harvest(w->region, NULL), 0);
	assert_int_equal(
		smudge_client_count(w->client, w->region, 0, UINT64_MAX), 2);
	assert_int_equal(
		smudge_client_mark(w->client, w->region, 0, UINT64_MAX), 0);
	assert_int_equal(smudge_client_skip(w->client, w->region, 10, 20, NULL),
			 0);
}

static void test_refusals(void **state)
{
	open_world(&world);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *r = &refusals[i];
		struct smudge_error err;
		int ret;

		r->before();
		ret = smudge_region_resize(world.region, r->npages, &err);
		if (ret != r->error || err.code != ret || err.region != 0 ||
		    (!strstr(err.message, r->names) &&
		     strcmp(err.where, r->names) != 0))
			fail_msg("refusal %zu: %d, \"%s\" (region %d)", i, ret,
				 err.message, (int)err.region);
		assert_int_equal(
			smudge_region_resize(world.region, r->npages, NULL),
			ret);
		r->after();
		check_same(r);
	}
	close_world(&world);
}

/* What is not in the way. */
static void test_allowed(void **state)
{
	struct world *w = &world;

	open_world(w);
	take_900();
	assert_int_equal(smudge_region_resize(w->region, NEXT_PAGE, NULL), 0);
	assert_int_equal(smudge_region_resize(w->region, 900, NULL), 0);
	give_back();
	assert_int_equal(smudge_region_resize(w->region, NPAGES, NULL), 0);
	attach_fixed();
	assert_int_equal(smudge_region_resize(w->region, 950, NULL), 0);
	assert_int_equal(smudge_region_resize(w->region, NPAGES, NULL), 0);
	detach();
	assert_int_equal(smudge_region_remove(w->next, NULL), 0);
	assert_int_equal(smudge_region_resize(w->region, MAX_NPAGES, NULL), 0);
	hold();
	assert_int_equal(smudge_region_resize(w->region, MAX_NPAGES, NULL), 0);
	release();
	close_world(w);
}

TEST_MAIN(test_refusals, test_allowed)
