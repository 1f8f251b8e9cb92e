/* SPDX-License-Identifier: MIT */
/*
 * A collect that fails, and options and ranges that a hub refuses.
 */
#include <errno.h>
#include <string.h>

#include <smudge/bitmap.h>

#include "hub_rig.h"
#include "sentence.h"

/* Called where a harvest has collected, and takes what is pending. */
static void (*before_take)(void);

int __real_smudge_bitmap_take(struct smudge_bitmap *bitmap, uint64_t first_page,
			      uint64_t npages, struct smudge_batch *batch);
int __wrap_smudge_bitmap_take(struct smudge_bitmap *bitmap, uint64_t first_page,
			      uint64_t npages, struct smudge_batch *batch);

int __wrap_smudge_bitmap_take(struct smudge_bitmap *bitmap, uint64_t first_page,
			      uint64_t npages, struct smudge_batch *batch)
{
	void (*hook)(void) = before_take;

	before_take = NULL;
	if (hook)
		hook();
	return __real_smudge_bitmap_take(bitmap, first_page, npages, batch);
}

/* Unknown means dirty: for all sources, and once more after it works again. */
static void test_collect_fails(void **state)
{
	struct smudge_error err = {0};
	struct hub_rig f;

	hub_rig_open(&f);
	f.machine.collect_error = -EIO;
	assert_int_equal(smudge_region_harvest(f.regions[0], &err), -EIO);
	assert_non_null(strstr(err.message, "cannot collect"));
	assert_int_equal(hub_rig_count(&f, 0), HUB_RIG_PAGES);
	assert_int_equal(smudge_hub_collect(f.machine.hub, &err), -EIO);
	f.machine.collect_error = 0;
	hub_rig_clean(&f);
	hub_rig_harvest(&f, 1);
	assert_int_equal(hub_rig_count(&f, 1), HUB_RIG_PAGES);
	hub_rig_harvest(&f, 0);
	assert_int_equal(hub_rig_count(&f, 0), HUB_RIG_PAGES);
	hub_rig_clean(&f);
	assert_int_equal(smudge_memory_harvest(f.memory, NULL), 0);
	assert_int_equal(hub_rig_count(&f, 0) + hub_rig_count(&f, 1), 0);
	/* What is no errno is a failure too. */
	f.machine.collect_error = 7;
	assert_int_equal(smudge_hub_collect(f.machine.hub, &err), -EIO);
	assert_non_null(strstr(err.message, "collect returned 7"));
	f.machine.collect_error = 0;
	hub_rig_close(&f);
}

static struct ring_machine *failing;

static void fail_once(void)
{
	failing->collect_error = -EIO;
	assert_int_equal(smudge_hub_collect(failing->hub, NULL), -EIO);
	failing->collect_error = 0;
}

/*
 * Another thread's collect fails as this harvest hands over: what it hands over
 * may not have been armed, so the next harvest has everything once more.
 */
static void test_collect_fails_meanwhile(void **state)
{
	struct hub_rig f;

	hub_rig_open(&f);
	failing = &f.machine;
	before_take = fail_once;
	for (int i = 0; i < 2; i++) {
		hub_rig_harvest(&f, 1);
		assert_int_equal(hub_rig_count(&f, 1), HUB_RIG_PAGES);
		hub_rig_clean(&f);
	}
	hub_rig_harvest(&f, 1);
	assert_int_equal(hub_rig_count(&f, 1), 0);
	hub_rig_close(&f);
}

static void test_wrong_range(void **state)
{
	const uint64_t npages[RING_NSLOTS] = {HUB_RIG_PAGES, 6, 1};
	struct smudge_error err = {0};
	struct hub_rig f = {0};

	ring_create(&f.machine, npages, RING_RIGHT);
	assert_int_equal(smudge_memory_create(&f.memory), 0);
	ring_join(&f.machine, 0);
	ring_join(&f.machine, 1);
	f.regions[0] = hub_rig_region(&f, 0, HUB_RIG_PAGES + 1, 12);
	f.client = hub_rig_client(&f);
	assert_int_equal(hub_rig_attach(&f, 0, &err), -EINVAL);
	assert_non_null(strstr(err.message, "is attached to"));
	/* Six pages are two of the region's, the second in part. */
	f.regions[1] = hub_rig_region(&f, 1, 2, 14);
	assert_int_equal(hub_rig_attach(&f, 1, &err), 0);
	assert_int_equal(smudge_client_skip(f.client, f.regions[1], 0, 2, NULL),
			 0);
	hub_rig_store(&f, 1, 5);
	hub_rig_harvest(&f, 1);
	assert_false(smudge_client_test(f.client, f.regions[1], 0));
	assert_true(smudge_client_test(f.client, f.regions[1], 1));
	hub_rig_close(&f);
}

static int nothing(void *opaque, struct smudge_error *err)
{
	return 0;
}

static void refuses_hub(const struct smudge_hub_ops *ops, const char *sentence)
{
	struct smudge_error err;
	struct smudge_hub *hub;

	expect_sentence(&err, smudge_hub_create(ops, NULL, &hub, &err), -EINVAL,
			sentence);
}

static void refuses_member(struct smudge_hub *hub,
			   const struct smudge_hub_member_options *options,
			   const char *sentence)
{
	struct smudge_hub_member *member;
	struct smudge_source *source;
	struct smudge_error err;

	expect_sentence(&err,
			smudge_hub_join(hub, options, &source, &member, &err),
			-EINVAL, sentence);
}

static void test_wrong_options(void **state)
{
	struct smudge_hub_ops ops = {.size = sizeof(ops)};
	struct smudge_hub_member_options options = {.size = sizeof(options),
						    .page_shift = 12};
	struct smudge_hub_member *member;
	struct smudge_source *source;
	struct smudge_hub *hub;

	refuses_hub(&ops, "a hub needs a name: .name is NULL");
	ops.name = "hub";
	refuses_hub(&ops, "a hub needs a collect operation: .collect is NULL");
	ops.collect = nothing;
	ops.size--;
	refuses_hub(&ops, "a smudge_hub_ops of 55 bytes is too short: its "
			  "first version has 56");
	ops.size++;
	assert_int_equal(smudge_hub_create(&ops, NULL, &hub, NULL), 0);
	refuses_member(hub, &options,
		       "a source has from 1 to 2^40 pages, not 0");
	options.npages = SMUDGE_BITMAP_MAX_PAGES + 1;
	refuses_member(hub, &options,
		       "a source has from 1 to 2^40 pages, not 1099511627777");
	options.npages = SMUDGE_BITMAP_MAX_PAGES;
	options.page_shift = 8;
	refuses_member(hub, &options,
		       "page_shift of a source is from 9 to 40, not 8");
	options.page_shift = 41;
	refuses_member(hub, &options,
		       "page_shift of a source is from 9 to 40, not 41");
	options.page_shift = 40;
	refuses_member(hub, &options,
		       "a source of 1099511627776 pages of 2^40 bytes is "
		       "larger than 2^64 bytes");
	options.npages = 1;
	options.page_shift = 12;
	/* Nothing but collect is needed. */
	assert_int_equal(smudge_hub_join(hub, &options, &source, &member, NULL),
			 0);
	smudge_hub_post(member, 0, 1);
	smudge_source_destroy(source);
	smudge_hub_destroy(hub);
	smudge_hub_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_collect_fails),
		cmocka_unit_test(test_collect_fails_meanwhile),
		cmocka_unit_test(test_wrong_range),
		cmocka_unit_test(test_wrong_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
