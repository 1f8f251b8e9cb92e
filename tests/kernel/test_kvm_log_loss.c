/* SPDX-License-Identifier: MIT */
/*
 * A running guest stores increasing numbers, a page after the other, while
 * two clients harvest, take and copy, one everything and the other pieces at
 * random. What changed and is clean must be dirty after the next harvest,
 * and both copies equal the memory in the end. And two consecutive harvests
 * together report at least the stores between. In both modes.
 */
#include <pthread.h>
#include <string.h>

#include "kvm_track.h"

#define NPAGES	500
#define BEFORE	29
#define NPASSES 60 /* of the guest, each over all pages */

static void *run_guest(void *opaque)
{
	struct tiny_vm *vm = opaque;

	return tiny_vm_run(vm, 0, NPAGES, 1) ? vm : NULL;
}

static void stop_guest(struct tiny_vm *vm, pthread_t thread)
{
	void *result;

	/* Release: pairs with the acquire in tiny_vm_run. */
	atomic_store_explicit(&vm->stop, true, memory_order_release);
	pthread_join(thread, &result);
	assert_ptr_equal(result, vm);
}

static void check_round(struct kvm_track *k, struct watch *all,
			struct watch *some, struct test_rng *rng)
{
	uint64_t npages = k->track.npages;
	uint64_t first = test_rng_below(rng, npages);

	track_harvest(&k->track);
	watch_check(all);
	watch_check(some);
	watch_take(all, 0, npages);
	if (test_rng_below(rng, 2))
		watch_take(some, first,
			   test_rng_below(rng, npages - first) + 1);
	watch_suspect(all);
	watch_suspect(some);
}

static void check_loss(enum smudge_kvm_log_mode mode, const char *name)
{
	struct test_rng rng = test_rng_start(name);
	unsigned int npasses = test_rounds(NPASSES);
	struct watch all, some;
	struct kvm_track k;
	pthread_t thread;

	kvm_track_open(&k, mode, NPAGES, BEFORE, 12);
	watch_open(&all, &k.track, "all");
	watch_guest(&all, BEFORE, NPAGES);
	assert_int_equal(pthread_create(&thread, NULL, run_guest, &k.vm), 0);
	watch_open(&some, &k.track, "some");
	watch_guest(&some, BEFORE, NPAGES);
	while (!tiny_vm_did_passes(&k.vm, npasses) || !all.nsuspects)
		check_round(&k, &all, &some, &rng);
	stop_guest(&k.vm, thread);
	assert_true(all.nsuspects > 0);
	track_harvest(&k.track);
	watch_finish(&all);
	watch_finish(&some);
	watch_close(&all);
	watch_close(&some);
	kvm_track_close(&k);
}

/*
 * The number last stored; number n went to page (n - 1) modulo NPAGES, and what
 * else a page has is there in part: see watch_guest.
 */
static uint32_t newest(const struct kvm_track *k)
{
	uint32_t newest = 0;

	for (uint64_t p = 0; p < NPAGES; p++) {
		uint32_t number = tiny_vm_peek(&k->vm, p);

		if (number > newest && (number - 1) % NPAGES == p)
			newest = number;
	}
	return newest;
}

static void harvest_into(struct kvm_track *k, struct smudge_client *client,
			 uint8_t *seen)
{
	uint64_t at = 0, npages = k->track.npages;
	struct smudge_run run;

	track_harvest(&k->track);
	while (smudge_client_next_dirty(client, k->track.region, at, npages,
					&run)) {
		memset(seen + run.first_page, 1, run.npages);
		at = run.first_page + run.npages;
	}
	track_take(&k->track, client, 0, npages);
}

/*
 * A store that ended between the two readings of the newest number is in one of
 * the two harvests. The newest number itself is left out, since its store may
 * not have ended.
 */
static uint64_t check_pair(struct kvm_track *k, struct smudge_client *client)
{
	uint8_t seen[BEFORE + NPAGES] = {0};
	uint32_t from = newest(k) + 1;
	uint32_t to;

	harvest_into(k, client, seen);
	to = newest(k);
	harvest_into(k, client, seen);
	for (uint32_t n = from; n < to; n++) {
		if (!seen[BEFORE + (n - 1) % NPAGES])
			fail_msg("store %u is lost", n);
	}
	return to > from ? to - from : 0;
}

static void check_pairs(enum smudge_kvm_log_mode mode)
{
	unsigned int npasses = test_rounds(NPASSES);
	struct smudge_client *client;
	struct kvm_track k;
	pthread_t thread;
	uint64_t n = 0;

	kvm_track_open(&k, mode, NPAGES, BEFORE, 12);
	client = kvm_track_clean_client(&k, "pairs");
	assert_int_equal(pthread_create(&thread, NULL, run_guest, &k.vm), 0);
	while (!tiny_vm_did_passes(&k.vm, npasses) || !n)
		n += check_pair(&k, client);
	stop_guest(&k.vm, thread);
	assert_true(n > 0);
	assert_int_equal(smudge_client_close(client), 0);
	kvm_track_close(&k);
}

static void test_legacy(void **state)
{
	check_loss(SMUDGE_KVM_LOG_LEGACY, "legacy");
}

static void test_manual(void **state)
{
	check_loss(SMUDGE_KVM_LOG_MANUAL, "manual");
}

static void test_pairs_legacy(void **state)
{
	check_pairs(SMUDGE_KVM_LOG_LEGACY);
}

static void test_pairs_manual(void **state)
{
	check_pairs(SMUDGE_KVM_LOG_MANUAL);
}

TEST_MAIN(test_legacy, test_manual, test_pairs_legacy, test_pairs_manual)
