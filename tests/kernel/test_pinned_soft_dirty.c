/* SPDX-License-Identifier: MIT */
/*
 * I/O into pinned pages that soft-dirty bits track, beside harvests. Besides
 * the two rules of memory.h there is the source's own: its quiesce waits until
 * nothing is in flight.
 */
#include <errno.h>
#include <sys/mman.h>

#include <smudge/soft_dirty.h>

#include "pinned_rig.h"

/* No thread stores during a harvest; I/O may be in flight, unless it waits. */
static int quiesce(void *opaque, struct smudge_error *err)
{
	struct pinned_rig *rig = opaque;

	if (rig->rule == PINNED_HARVEST_WAITS)
		pthread_mutex_lock(&rig->in_flight);
	return 0;
}

static void resume(void *opaque)
{
	struct pinned_rig *rig = opaque;

	if (rig->rule == PINNED_HARVEST_WAITS)
		pthread_mutex_unlock(&rig->in_flight);
}

static int make(struct pinned_rig *rig, struct smudge_source **ret,
		struct smudge_error *err)
{
	struct smudge_soft_dirty_options options = {.size = sizeof(options),
						    .quiesce = quiesce,
						    .resume = resume,
						    .opaque = rig};

	return smudge_soft_dirty_create(&options, ret, err);
}

static void need(void)
{
	struct smudge_source *source;
	struct smudge_error err = {0};
	int ret = make(NULL, &source, &err);

	if (ret == -EOPNOTSUPP)
		test_skip_without("soft-dirty", err.message);
	assert_int_equal(ret, 0);
	smudge_source_destroy(source);
}

static void create(struct pinned_rig *rig)
{
	assert_int_equal(make(rig, &rig->source, NULL), 0);
}

static const struct pinned_source soft_dirty = {.need = need,
						.create = create,
						.npages = 1024,
						.nrounds = 4,
						.max_rounds = 20,
						.can_wait = true};

static void test_private(void **state)
{
	pinned_rig_check_calls(&soft_dirty, MAP_PRIVATE);
}

static void test_read_late(void **state)
{
	assert_int_equal(pinned_rig_read_late(&soft_dirty), 4096);
}

TEST_MAIN(test_private, test_read_late)
