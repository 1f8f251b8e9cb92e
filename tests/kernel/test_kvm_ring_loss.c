/* SPDX-License-Identifier: MIT */
/*
 * Running vCPUs store increasing numbers, a page after the other, while two
 * clients harvest, take and copy, one everything and the other pieces at
 * random. What changed and is clean must be dirty after the next harvest or
 * look, and both copies equal the memory in the end.
 *
 * With the largest rings; with the smallest, which a KVM that emulates stores
 * overflows; and with an odd and an even vCPU.
 */
#include <pthread.h>
#include <string.h>

#include "ring_track.h"

#define BEFORE	29
#define NPASSES 60 /* of the guest, each over all pages */

struct guest {
	struct tiny_vm *vm;
	uint64_t first, end, stride;
	pthread_t thread;
};

static void *run_guest(void *opaque)
{
	struct guest *g = opaque;

	return tiny_vm_run(g->vm, g->first, g->end, g->stride) ? g : NULL;
}

static void start_guest(struct guest *g)
{
	assert_int_equal(pthread_create(&g->thread, NULL, run_guest, g), 0);
}

static void stop_guest(struct guest *g)
{
	void *result;

	/* Release: pairs with the acquire in tiny_vm_run. */
	atomic_store_explicit(&g->vm->stop, true, memory_order_release);
	pthread_join(g->thread, &result);
	assert_ptr_equal(result, g);
}

/* Suspects need one increasing number, so only of one writer. */
static void check_round(struct ring_track *k, struct watch *all,
			struct watch *some, struct test_rng *rng,
			bool is_single)
{
	uint64_t npages = k->track.npages;
	uint64_t first = test_rng_below(rng, npages);

	if (test_rng_below(rng, 3))
		track_harvest(&k->track);
	else
		track_look(&k->track);
	watch_check(all);
	watch_check(some);
	watch_take(all, 0, npages);
	if (test_rng_below(rng, 2))
		watch_take(some, first,
			   test_rng_below(rng, npages - first) + 1);
	if (is_single) {
		watch_suspect(all);
		watch_suspect(some);
	}
}

static void finish(struct ring_track *k, struct watch *all, struct watch *some)
{
	struct smudge_kvm_ring_stats stats = ring_track_stats(k);

	track_harvest(&k->track);
	watch_finish(all);
	watch_finish(some);
	watch_close(all);
	watch_close(some);
	print_message("# %llu entries, %llu resets, %llu full, %llu overflows, "
		      "%llu ignored\n",
		      (unsigned long long)stats.entries,
		      (unsigned long long)stats.resets,
		      (unsigned long long)stats.full,
		      (unsigned long long)stats.overflows,
		      (unsigned long long)stats.ignored);
	assert_true(stats.entries > 0);
}

static void check_loss(uint32_t nentries, uint64_t npages, unsigned int npasses,
		       const char *name)
{
	struct test_rng rng = test_rng_start(name);
	struct guest guest = {.end = npages, .stride = 1};
	struct watch all, some;
	struct ring_track k;

	ring_track_open(&k, nentries, npages, BEFORE, 12);
	guest.vm = &k.vm;
	watch_open(&all, &k.track, "all");
	watch_guest(&all, BEFORE, npages);
	start_guest(&guest);
	watch_open(&some, &k.track, "some");
	watch_guest(&some, BEFORE, npages);
	while (!tiny_vm_did_passes(&k.vm, npasses) || !all.nsuspects)
		check_round(&k, &all, &some, &rng, true);
	stop_guest(&guest);
	assert_true(all.nsuspects > 0);
	finish(&k, &all, &some);
	ring_track_close(&k);
}

static void test_large(void **state)
{
	check_loss(0, 500, test_rounds(NPASSES), "large rings");
}

static void test_small(void **state)
{
	check_loss(1024, 400, test_rounds(NPASSES), "small rings");
}

/* More pages than the ring has room for: it fills, or overflows. */
static void test_smaller_than_the_memory(void **state)
{
	check_loss(1024, 5000, test_rounds(NPASSES / 4), "rings that fill");
}

/* A running guest stores to every third page, and no other is reported. */
static void test_nothing_else(void **state)
{
	struct guest guest = {.end = 900, .stride = 3};
	unsigned int npasses = test_rounds(NPASSES);
	struct smudge_client *client;
	struct ring_track k;
	uint64_t n = 0;

	ring_track_open(&k, 0, 900, 0, 12);
	guest.vm = &k.vm;
	client = ring_track_clean_client(&k, "client");
	start_guest(&guest);
	while (!tiny_vm_did_passes(&k.vm, npasses) || !n) {
		track_harvest(&k.track);
		for (uint64_t p = 0; p < 900; p++)
			if (p % 3 &&
			    smudge_client_test(client, k.track.region, p))
				fail_msg("page %d is reported for nothing",
					 (int)p);
		n += track_take(&k.track, client, 0, 900);
	}
	stop_guest(&guest);
	assert_true(n > 0);
	assert_int_equal(ring_track_stats(&k).overflows, 0);
	assert_int_equal(smudge_client_close(client), 0);
	ring_track_close(&k);
}

static void test_two_vcpus(void **state)
{
	struct test_rng rng = test_rng_start("two vCPUs");
	unsigned int npasses = test_rounds(NPASSES);
	struct guest even = {.end = 1500, .stride = 2};
	struct guest odd = {.first = 1, .end = 1500, .stride = 2};
	struct watch all, some;
	struct tiny_vm second;
	struct ring_track k;

	ring_track_open(&k, 4096, 1500, BEFORE, 12);
	even.vm = &k.vm;
	watch_open(&all, &k.track, "all");
	watch_open(&some, &k.track, "some");
	start_guest(&even);
	check_round(&k, &all, &some, &rng, false);
	/* a vCPU that is added later */
	tiny_vm_open_vcpu(&second, &k.vm, 1);
	tiny_vm_add_ring(&second);
	odd.vm = &second;
	start_guest(&odd);
	while (!tiny_vm_did_passes(&k.vm, npasses) ||
	       !tiny_vm_did_passes(&second, npasses))
		check_round(&k, &all, &some, &rng, false);
	stop_guest(&even);
	stop_guest(&odd);
	/* what is left in its ring is not lost */
	tiny_vm_close_vcpu(&second);
	finish(&k, &all, &some);
	ring_track_close(&k);
}

TEST_MAIN(test_large, test_small, test_smaller_than_the_memory,
	  test_nothing_else, test_two_vcpus)
