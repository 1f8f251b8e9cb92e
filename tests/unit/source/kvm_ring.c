/* SPDX-License-Identifier: MIT */
/*
 * KVM's dirty rings, with a simulated kernel that does what real ones seldom
 * do: it resets a few entries per call, answers nothing, names slots that are
 * not there, overwrites entries that were not fetched, and fails.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include <linux/kvm.h>

#include "kvm_rig.h"

static void open_watched(struct kvm_rig *rig, uint32_t nentries)
{
	fake_kvm_open();
	kvm_rig_open(rig, nentries);
	kvm_rig_watch(rig);
}

static void harvest(struct kvm_rig *rig)
{
	struct smudge_error err = {0};

	if (kvm_rig_harvest(rig, &err) < 0)
		fail_msg("%s", err.message);
}

static void expect_counts(struct kvm_rig *rig, uint64_t first, uint64_t second)
{
	assert_int_equal(kvm_rig_count(rig, 0), first);
	assert_int_equal(kvm_rig_count(rig, 1), second);
}

static void test_setup(void **state)
{
	struct kvm_rig rig;

	open_watched(&rig, 0);
	assert_int_equal(fake_kvm.nentries, 65536);
	assert_int_equal(kvm_rig_stats(&rig).nentries, 65536);
	assert_int_equal(fake_kvm.enabled_cap, KVM_CAP_DIRTY_LOG_RING_ACQ_REL);
	/* else a start would arm nothing */
	assert_false(fake_kvm.is_manual);
	assert_false(fake_kvm.has_bitmap);
	kvm_rig_close(&rig);
}

/* x86 before Linux 6.1 has only this one. */
static void test_without_acq_rel(void **state)
{
	struct kvm_rig rig;

	fake_kvm_open();
	fake_kvm.acq_rel_bytes = 0;
	kvm_rig_open(&rig, 1024);
	assert_int_equal(fake_kvm.enabled_cap, KVM_CAP_DIRTY_LOG_RING);
	assert_int_equal(fake_kvm.nentries, 1024);
	kvm_rig_close(&rig);
}

static void test_two_slots(void **state)
{
	struct kvm_rig rig;

	open_watched(&rig, 64);
	fake_kvm_store(0, 0, 5);
	fake_kvm_store(0, 1, 6);
	fake_kvm_store(1, 1, 7);
	/* the first slot's harvest drains the second's entries */
	assert_int_equal(smudge_region_harvest(rig.regions[0], NULL), 0);
	expect_counts(&rig, 1, 0);
	assert_int_equal(smudge_region_harvest(rig.regions[1], NULL), 0);
	expect_counts(&rig, 1, 2);
	assert_true(kvm_rig_is_dirty(&rig, 1, 6));
	assert_true(kvm_rig_is_dirty(&rig, 1, 7));
	kvm_rig_close(&rig);
}

/* Since Linux 6.16 a signal interrupts the call: none comes in. */
static void test_signals(void **state)
{
	struct kvm_rig rig;
	sigset_t blocked;

	open_watched(&rig, 64);
	fake_kvm.resets_per_call = 1;
	fake_kvm.by_signals = true;
	for (int i = 0; i < 2; i++) {
		for (uint64_t p = 0; p < 40; p++)
			fake_kvm_store(p & 1, 0, p);
		harvest(&rig);
		expect_counts(&rig, 40, 0);
		kvm_rig_clean(&rig);
	}
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	assert_false(sigismember(&blocked, SIGALRM));
	kvm_rig_close(&rig);
}

/*
 * What no thread can block interrupts it too. Pages that are not armed then are
 * armed and reported with all others.
 */
static void test_interrupted(void **state)
{
	struct kvm_rig rig;

	open_watched(&rig, 64);
	fake_kvm.resets_per_call = 7;
	for (uint64_t p = 0; p < 40; p++)
		fake_kvm_store(p & 1, 0, p);
	fake_kvm.nidle = 3;
	harvest(&rig);
	expect_counts(&rig, FAKE_PAGES, FAKE_PAGES);
	assert_int_equal(kvm_rig_stats(&rig).overflows, 0);
	/* of each vCPU's 20 entries 16 at a time */
	assert_int_equal(kvm_rig_stats(&rig).resets, 3 + 2 * (3 + 1));
	kvm_rig_clean(&rig);
	fake_kvm.resets_per_call = 0;
	for (uint64_t p = 0; p < 40; p++)
		fake_kvm_store(p & 1, 0, p);
	harvest(&rig);
	expect_counts(&rig, 40, 0);
	kvm_rig_close(&rig);
}

/* Slots that no source tracks, pages beyond a slot, address spaces beyond all.
 */
static void test_hostile_entries(void **state)
{
	const uint32_t slots[] = {0, 4, 65535, 1u << 16, 0xffffffff, 3};
	const uint64_t offsets[] = {0, FAKE_PAGES, UINT64_MAX,
				    UINT64_C(1) << 52, UINT64_C(1) << 63};
	struct kvm_rig rig;

	open_watched(&rig, 64);
	for (size_t s = 0; s < sizeof(slots) / sizeof(slots[0]); s++)
		for (size_t o = 1; o < sizeof(offsets) / sizeof(offsets[0]);
		     o++)
			fake_kvm_push(0, slots[s], offsets[o]);
	fake_kvm_store(0, 0, 99);
	fake_kvm_push(0, 4, 0);
	harvest(&rig);
	expect_counts(&rig, 1, 0);
	assert_int_equal(kvm_rig_stats(&rig).ignored, 21);
	kvm_rig_close(&rig);
}

/* After a failure everything is dirty, and once more when it works again. */
static void test_failed_reset(void **state)
{
	struct smudge_error err = {0};
	struct kvm_rig rig;

	open_watched(&rig, 64);
	fake_kvm_store(0, 0, 1);
	fake_kvm.reset_error = EIO;
	assert_int_equal(kvm_rig_harvest(&rig, &err), -EIO);
	expect_counts(&rig, FAKE_PAGES, FAKE_PAGES);
	fake_kvm.reset_error = 0;
	kvm_rig_clean(&rig);
	harvest(&rig);
	expect_counts(&rig, FAKE_PAGES, FAKE_PAGES);
	kvm_rig_clean(&rig);
	fake_kvm_store(0, 0, 1);
	fake_kvm_store(1, 1, 2);
	harvest(&rig);
	expect_counts(&rig, 1, 1);
	kvm_rig_close(&rig);
}

/* A vCPU that left with flagged entries is counted still. */
static void test_removed_after_failure(void **state)
{
	struct kvm_rig rig;

	open_watched(&rig, 64);
	fake_kvm_store(0, 0, 1);
	fake_kvm.reset_error = EIO;
	smudge_kvm_ring_remove_vcpu(rig.vcpus[0]);
	rig.vcpus[0] = NULL;
	fake_kvm.reset_error = 0;
	harvest(&rig);
	kvm_rig_clean(&rig);
	fake_kvm_store(1, 0, 2);
	harvest(&rig);
	expect_counts(&rig, 1, 0);
	kvm_rig_close(&rig);
}

/* Lost entries: all pages are armed and reported, and it continues. */
static void test_overflow(void **state)
{
	struct kvm_rig rig;

	open_watched(&rig, 16);
	for (uint64_t p = 0; p < 30; p++)
		fake_kvm_store(0, 0, p);
	assert_true(fake_kvm.noverflows > 0);
	harvest(&rig);
	expect_counts(&rig, FAKE_PAGES, FAKE_PAGES);
	assert_true(kvm_rig_stats(&rig).overflows > 0);
	for (unsigned int i = 0; i < 20 && fake_kvm_is_full(0); i++)
		assert_int_equal(smudge_kvm_ring_full(rig.vcpus[0], NULL), 0);
	assert_false(fake_kvm_is_full(0));
	/* the pages whose entries were lost are detected again */
	harvest(&rig);
	kvm_rig_clean(&rig);
	for (uint64_t p = 0; p < 3; p++)
		fake_kvm_store(0, 0, p);
	harvest(&rig);
	for (uint64_t p = 0; p < 3; p++)
		assert_true(kvm_rig_is_dirty(&rig, 0, p));
	kvm_rig_close(&rig);
}

/* As long as a slot cannot be armed anew, everything is dirty. */
static void test_failed_start_over(void **state)
{
	struct smudge_error err = {0};
	struct kvm_rig rig;

	open_watched(&rig, 16);
	for (uint64_t p = 0; p < 30; p++)
		fake_kvm_store(0, 0, p);
	fake_kvm.log_error = ENOMEM;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kvm_rig_harvest(&rig, &err), -ENOMEM);
		expect_counts(&rig, FAKE_PAGES, FAKE_PAGES);
		kvm_rig_clean(&rig);
	}
	fake_kvm.log_error = 0;
	harvest(&rig);
	expect_counts(&rig, FAKE_PAGES, FAKE_PAGES);
	assert_true(fake_kvm.is_logging[0] && fake_kvm.is_logging[1]);
	kvm_rig_close(&rig);
}

/* arm64: pages that were written without a running vCPU. */
static void test_bitmap(void **state)
{
	struct smudge_error err = {0};
	struct kvm_rig rig;

	fake_kvm_open();
	fake_kvm.bitmap = 1;
	kvm_rig_open(&rig, 64);
	assert_true(fake_kvm.has_bitmap);
	kvm_rig_watch(&rig);
	fake_kvm.words[0] = UINT64_C(1) << 63 | 1;
	fake_kvm.words[1] = UINT64_MAX << 34; /* from page 98 to beyond it */
	fake_kvm_store(0, 0, 7);
	harvest(&rig);
	expect_counts(&rig, 5, 0);
	assert_true(kvm_rig_is_dirty(&rig, 0, 63));
	assert_true(kvm_rig_is_dirty(&rig, 0, 99));
	fake_kvm.get_error = EFAULT;
	assert_int_equal(kvm_rig_harvest(&rig, &err), -EFAULT);
	expect_counts(&rig, FAKE_PAGES, FAKE_PAGES);
	kvm_rig_close(&rig);
}

/* A source without its handle; the last one frees it. */
static void test_handle_first(void **state)
{
	struct kvm_rig rig;

	open_watched(&rig, 64);
	fake_kvm_store(0, 0, 1);
	smudge_kvm_ring_destroy(rig.ring);
	harvest(&rig);
	expect_counts(&rig, 1, 0);
	rig.ring = NULL;
	rig.vcpus[0] = rig.vcpus[1] = NULL;
	kvm_rig_close(&rig);
}

TEST_MAIN(test_setup, test_without_acq_rel, test_two_slots, test_signals,
	  test_interrupted, test_hostile_entries, test_failed_reset,
	  test_removed_after_failure, test_overflow, test_failed_start_over,
	  test_bitmap, test_handle_first)
