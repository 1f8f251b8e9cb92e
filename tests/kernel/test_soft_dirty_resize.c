/* SPDX-License-Identifier: MIT */
/*
 * A region over soft-dirty bits whose end moves: what each source must do. A
 * mapping that grows is reported whole, so nothing here is exact. Skipped on a
 * kernel without the bits.
 */
#include <errno.h>

#include <smudge/soft_dirty.h>

#include "resize_rig.h"
#include "track.h"

static int quiesce(void *opaque, struct smudge_error *err)
{
	struct resize_rig *r = opaque;

	(void)err;
	pthread_mutex_lock(&r->writer);
	return 0;
}

static void resume(void *opaque)
{
	struct resize_rig *r = opaque;

	pthread_mutex_unlock(&r->writer);
}

static struct smudge_source *make(struct resize_rig *r)
{
	const struct smudge_soft_dirty_options o = {.size = sizeof(o),
						    .quiesce = quiesce,
						    .resume = resume,
						    .opaque = r};
	struct smudge_source *source;
	struct smudge_error err;
	int ret = smudge_soft_dirty_create(&o, &source, &err);

	if (ret == -EOPNOTSUPP)
		test_skip_without("soft-dirty", err.message);
	assert_int_equal(ret, 0);
	return source;
}

static void test_heap(void **state)
{
	struct resize_rig r = {.make = make};

	resize_rig_check_heap(&r);
}

static void test_refusals(void **state)
{
	struct resize_rig r = {.make = make};

	resize_rig_check_refusals(&r, "soft_dirty");
}

static void test_live_writer(void **state)
{
	struct resize_rig r = {.make = make};

	resize_rig_check_live_writer(&r);
}

TEST_MAIN(test_heap, test_refusals, test_live_writer)
