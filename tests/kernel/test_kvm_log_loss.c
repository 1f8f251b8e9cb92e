/* SPDX-License-Identifier: MIT */
/*
 * A running guest stores increasing numbers, a page after the other, while
 * two clients harvest, take and copy, one everything and the other pieces at
 * random. What changed and is clean must be dirty after the next harvest,
 * and both copies equal the memory in the end. In both modes.
 */
#include <pthread.h>

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
	struct watch all, some;
	struct kvm_track k;
	pthread_t thread;

	kvm_track_open(&k, mode, NPAGES, BEFORE, 12);
	watch_open(&all, &k.track, "all");
	assert_int_equal(pthread_create(&thread, NULL, run_guest, &k.vm), 0);
	watch_open(&some, &k.track, "some");
	while (!tiny_vm_did_passes(&k.vm, NPASSES))
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

static void test_legacy(void **state)
{
	check_loss(SMUDGE_KVM_LOG_LEGACY, "legacy");
}

static void test_manual(void **state)
{
	check_loss(SMUDGE_KVM_LOG_MANUAL, "manual");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_legacy),
		cmocka_unit_test(test_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
