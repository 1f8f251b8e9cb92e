/* SPDX-License-Identifier: MIT */
/*
 * KVM's dirty log, in each mode: exactly the pages the guest stored to, each
 * reported again after the next store, wherever the slot lies in its region
 * and however its size is rounded.
 */
#include "kvm_track.h"

#include <sys/ioctl.h>

#include <linux/kvm.h>

#define LEGACY SMUDGE_KVM_LOG_LEGACY
#define MANUAL SMUDGE_KVM_LOG_MANUAL

static void check_stores(enum smudge_kvm_log_mode mode, uint64_t npages,
			 uint64_t before)
{
	uint64_t last = npages - 1;
	struct smudge_client *client;
	struct kvm_track k;

	kvm_track_open(&k, mode, npages, before, 12);
	assert_int_equal(smudge_kvm_mode(k.kvm), mode);
	client = kvm_track_clean_client(&k, "test");
	for (uint32_t round = 1; round <= 3; round++) {
		tiny_vm_store(&k.vm, 0, round);
		tiny_vm_store(&k.vm, last / 2, round);
		tiny_vm_store(&k.vm, last, round);
		track_harvest(&k.track);
		track_expect(&k.track, client, before, before + last / 2,
			     before + last);
		assert_int_equal(
			track_take(&k.track, client, 0, k.track.npages), 3);
		track_harvest(&k.track);
		track_expect_none(&k.track, client);
	}
	assert_int_equal(smudge_client_close(client), 0);
	kvm_track_close(&k);
}

static void test_legacy(void **state)
{
	check_stores(LEGACY, 4096, 0);
}

static void test_manual(void **state)
{
	check_stores(MANUAL, 4096, 0);
}

static void test_partial_last_word(void **state)
{
	check_stores(LEGACY, 4096 + 37, 0);
	check_stores(MANUAL, 4096 + 37, 0);
	check_stores(MANUAL, 64, 0);
	check_stores(MANUAL, 5, 0);
}

static void test_slot_not_on_a_word(void **state)
{
	check_stores(LEGACY, 1000, 37);
	check_stores(MANUAL, 1000, 37);
	check_stores(MANUAL, 1000, 63);
	check_stores(MANUAL, 1000, 65);
}

/* A take of some pages arms those, and leaves the others as they are. */
static void test_manual_takes_in_part(void **state)
{
	struct smudge_client *client;
	struct kvm_track k;

	kvm_track_open(&k, MANUAL, 1000, 3, 12);
	client = kvm_track_clean_client(&k, "test");
	tiny_vm_store(&k.vm, 100, 1);
	tiny_vm_store(&k.vm, 101, 1);
	tiny_vm_store(&k.vm, 999, 1);
	track_harvest(&k.track);
	assert_int_equal(track_take(&k.track, client, 3 + 101, 1), 1);
	track_expect(&k.track, client, 3 + 100, 3 + 999);
	track_harvest(&k.track);
	track_expect(&k.track, client, 3 + 100, 3 + 999);
	tiny_vm_store(&k.vm, 101, 2);
	track_harvest(&k.track);
	track_expect(&k.track, client, 3 + 100, 3 + 101, 3 + 999);
	assert_int_equal(smudge_client_close(client), 0);
	kvm_track_close(&k);
}

/* A page of the region is four of KVM's, one of which the guest stored to. */
static void check_larger_pages(enum smudge_kvm_log_mode mode)
{
	struct smudge_client *client;
	struct kvm_track k;

	kvm_track_open(&k, mode, 400, 12, 14);
	client = kvm_track_clean_client(&k, "test");
	for (uint32_t round = 1; round <= 4; round++) {
		tiny_vm_store(&k.vm, round - 1, round);
		tiny_vm_store(&k.vm, 396 + 4 - round, round);
		track_harvest(&k.track);
		track_expect(&k.track, client, 3, 3 + 99);
		assert_int_equal(
			track_take(&k.track, client, 0, k.track.npages), 2);
		track_harvest(&k.track);
		track_expect_none(&k.track, client);
	}
	assert_int_equal(smudge_client_close(client), 0);
	kvm_track_close(&k);
}

static void test_larger_region_pages(void **state)
{
	check_larger_pages(LEGACY);
	check_larger_pages(MANUAL);
}

/* Without a client nothing is logged; the next client starts afresh. */
static void check_restart(enum smudge_kvm_log_mode mode)
{
	struct smudge_client *client;
	struct kvm_track k;

	kvm_track_open(&k, mode, 200, 0, 12);
	for (uint32_t round = 1; round <= 3; round++) {
		tiny_vm_store(&k.vm, 7, round);
		client = track_client(&k.track, "test");
		assert_true(smudge_client_all(client, k.track.region, 0, 200));
		assert_int_equal(smudge_client_close(client), 0);
		client = kvm_track_clean_client(&k, "test");
		tiny_vm_store(&k.vm, 9, round);
		track_harvest(&k.track);
		track_expect(&k.track, client, 9);
		assert_int_equal(smudge_client_close(client), 0);
	}
	kvm_track_close(&k);
}

static void test_restart(void **state)
{
	check_restart(LEGACY);
	check_restart(MANUAL);
}

/* Set in the kernel's log, which this reads and does not clear. */
static uint64_t set_in_the_log(const struct kvm_track *k, uint64_t npages)
{
	uint64_t words[64] = {0};
	struct kvm_dirty_log get = {.slot = TINY_RAM_SLOT,
				    .dirty_bitmap = words};
	uint64_t n = 0;

	assert_true(npages <= 64 * sizeof(words) / sizeof(words[0]));
	assert_return_code(ioctl(k->vm.vm_fd, KVM_GET_DIRTY_LOG, &get), 0);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		n += (uint64_t)__builtin_popcountll(words[i]);
	return n;
}

/* The mode is the VM's, so another handle sets it. */
static void arm_at_start(const struct kvm_track *k, bool arms_at_start)
{
	const struct smudge_kvm_options options = {
		.size = sizeof(options),
		.vm_fd = k->vm.vm_fd,
		.mode = MANUAL,
		.arms_at_start = arms_at_start,
	};
	struct smudge_kvm *kvm;

	assert_int_equal(smudge_kvm_create(&options, &kvm, NULL), 0);
	smudge_kvm_destroy(kvm);
}

/* Nothing has to be cleared by a client that skips all; it loses no store. */
static void test_arms_at_start(void **state)
{
	struct smudge_client *client;
	struct kvm_track k;

	kvm_track_open(&k, MANUAL, 1000, 0, 12);
	for (uint32_t round = 1; round <= 3; round++) {
		arm_at_start(&k, round != 2);
		tiny_vm_store(&k.vm, 7, round);
		client = track_client(&k.track, "test");
		assert_true(smudge_client_all(client, k.track.region, 0, 1000));
		assert_int_equal(set_in_the_log(&k, 1000),
				 round != 2 ? 0 : 1000);
		track_harvest(&k.track);
		track_clean(&k.track, client);
		track_harvest(&k.track);
		track_clean(&k.track, client);
		tiny_vm_store(&k.vm, 9, round);
		tiny_vm_store(&k.vm, 999, round);
		track_harvest(&k.track);
		track_expect(&k.track, client, 9, 999);
		assert_int_equal(smudge_client_close(client), 0);
	}
	kvm_track_close(&k);
}

/* AUTO is the manual mode wherever the kernel has it. */
static void test_auto(void **state)
{
	struct kvm_track k;

	kvm_track_open(&k, SMUDGE_KVM_LOG_AUTO, 64, 0, 12);
	assert_int_not_equal(smudge_kvm_mode(k.kvm), SMUDGE_KVM_LOG_AUTO);
	kvm_track_close(&k);
}

TEST_MAIN(test_legacy, test_manual, test_partial_last_word,
	  test_slot_not_on_a_word, test_manual_takes_in_part,
	  test_larger_region_pages, test_restart, test_arms_at_start, test_auto)
