/* SPDX-License-Identifier: MIT */
/*
 * Migration, display and translators on one memory. Step by step: a take,
 * refresh, question or return by one leaves the bits of the others exactly as
 * they were. Live: each sees every write. tests/kernel/test_clients_uffd.c has
 * the same with userfaultfd.
 */
#include "clients_live.h"
#include "clients_rig.h"

#define NSTEPS 20000
#define NMARKS 400000

static void test_random_steps(void **state)
{
	static struct clients_rig rig;

	clients_rig_start(&rig, "clients_together", false);
	rig_run(&rig, test_rounds(NSTEPS));
	assert_true(rig.work.failed > 0);
	clients_rig_stop(&rig);
}

static void test_live(void **state)
{
	clients_live_run("clients_together live", false, NMARKS, NMARKS);
}

TEST_MAIN(test_random_steps, test_live)
