/* SPDX-License-Identifier: MIT */
/*
 * KVM's dirty rings in a thread that signals come to. A reset that Linux gives
 * up because of a signal (since 6.16) empties the entries that it has come to,
 * and does not arm the pages of the last of them: what the guest writes to them
 * later would be in no ring. So none is given up.
 *
 * Some KVMs emulate the guest's stores and push entries for pages that are not
 * armed too. There only the number of calls tells.
 */
#include <stdio.h>

#include "ring_track.h"
#include "storm.h"

#define NPAGES	  1024
#define NROUNDS	  20
#define PERIOD_US 20

static void harvest_in_a_storm(struct ring_track *k)
{
	struct smudge_error err = {0};
	struct storm storm;
	int ret;

	storm_begin(&storm, PERIOD_US, NULL);
	ret = smudge_region_harvest(k->track.region, &err);
	storm_end(&storm);
	if (ret < 0)
		fail_msg("%s", err.message);
}

static void store_all(struct tiny_vm *vm, uint32_t value, uint64_t step)
{
	for (uint64_t i = 0; i < NPAGES; i++)
		tiny_vm_store(vm, i * step % NPAGES, value);
}

static void no_reset_is_given_up(void **state)
{
	struct test_rng rng = test_rng_start("ring_interrupted");
	unsigned long nsignals = 0;
	struct smudge_client *client;
	uint64_t nresets;
	struct ring_track k;

	ring_track_open(&k, 0, NPAGES, 0, 12);
	client = ring_track_clean_client(&k, "client");
	nresets = ring_track_stats(&k).resets;
	for (unsigned int i = 0; i < NROUNDS; i++) {
		store_all(&k.vm, i, 2 * test_rng_below(&rng, NPAGES / 2) + 1);
		harvest_in_a_storm(&k);
		nsignals += storm_count();
		assert_int_equal(track_take(&k.track, client, 0, NPAGES),
				 NPAGES);
	}
	nresets = ring_track_stats(&k).resets - nresets;
	printf("# %lu signals came in, and %llu resets of %u harvests\n",
	       nsignals, (unsigned long long)nresets, NROUNDS);
	assert_true(nsignals > 0);
	if (!ring_track_stats(&k).overflows)
		assert_int_equal(nresets, NROUNDS);
	assert_int_equal(smudge_client_close(client), 0);
	ring_track_close(&k);
}

TEST_MAIN(no_reset_is_given_up)
