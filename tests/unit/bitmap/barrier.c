/* SPDX-License-Identifier: MIT */
/*
 * Stores that a mark announced are visible when its page was taken: by the
 * drain's membarrier(2), or by the marker's fence where there is none. See
 * barrier_rig.h for the race.
 */
#include "barrier_rig.h"

#include <errno.h>
#include <sys/syscall.h>

#include "deny.h"

#include "bitmap/layout.h"

static void test_as_it_is(void **state)
{
	static struct barrier_rig rig;

	barrier_need_losses(BARRIER_LEFT_OUT, BARRIER_LEFT_OUT, true);
	assert_true(barrier_rig_start(&rig, 1));
	assert_int_equal(barrier_rig_run(&rig, true, BARRIER_ROUNDS), 0);
	barrier_rig_stop(&rig);
}

/* In a child process under the filter; cmocka's assertions stay outside. */
static bool run_without(void *opaque)
{
	struct barrier_rig *rig = opaque;

	return barrier_rig_start(rig, 1) &&
	       atomic_load(&rig->bitmaps[0]->fast_npages) == 0 &&
	       barrier_rig_run(rig, true, BARRIER_ROUNDS) == 0;
}

static void test_denied_from_the_start(void **state)
{
	const struct deny_rule no_membarrier = {.call = SYS_membarrier,
						.answer = EPERM};
	static struct barrier_rig rig;

	barrier_need_losses(BARRIER_LEFT_OUT, BARRIER_LEFT_OUT, true);
	deny_and_run(&no_membarrier, 1, run_without, &rig);
}

TEST_MAIN(test_as_it_is, test_denied_from_the_start)
