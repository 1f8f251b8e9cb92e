/* SPDX-License-Identifier: MIT */
/*
 * Migration, display and translators on one memory that userfaultfd watches:
 * one harvest reports to every client, and a page that one client takes
 * stays dirty for the others. tests/unit/clients/together.c is the same with
 * other sources.
 */
#include "clients_live.h"
#include "clients_rig.h"

#define NSTEPS 20000
#define NMARKS 300000

static void test_random_steps(void **state)
{
	static struct clients_rig rig;

	test_need_uffd();
	clients_rig_start(&rig, "clients_uffd", true);
	rig_run(&rig, test_rounds(NSTEPS));
	clients_rig_stop(&rig);
}

static void test_live(void **state)
{
	test_need_uffd();
	clients_live_run("clients_uffd live", true, NMARKS, NMARKS);
}

TEST_MAIN(test_random_steps, test_live)
