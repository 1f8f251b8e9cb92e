/* SPDX-License-Identifier: MIT */
/*
 * The handle of a VM is destroyed before its sources, which stay: logging is
 * started, read, re-armed and stopped without it. The last source frees it.
 */
#include <fcntl.h>

#include "kvm_track.h"

#define NPAGES 100

static int count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void handle_under_source(enum smudge_kvm_log_mode mode)
{
	struct smudge_client *client;
	struct kvm_track k;
	int ndescriptors;

	kvm_track_open(&k, mode, NPAGES, 0, 12);
	ndescriptors = count_descriptors();
	smudge_kvm_destroy(k.kvm);
	k.kvm = NULL;
	assert_int_equal(count_descriptors(), ndescriptors);
	client = kvm_track_clean_client(&k, "test");
	for (uint64_t page = 7; page < 9; page++) {
		tiny_vm_store(&k.vm, page, 1);
		tiny_vm_store(&k.vm, page, 2);
		track_harvest(&k.track);
		track_expect(&k.track, client, page);
		track_clean(&k.track, client);
	}
	assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(k.source);
	k.source = NULL;
	assert_int_equal(count_descriptors(), ndescriptors - 1);
	kvm_track_close(&k);
}

static void legacy(void **state)
{
	handle_under_source(SMUDGE_KVM_LOG_LEGACY);
}

static void manual(void **state)
{
	handle_under_source(SMUDGE_KVM_LOG_MANUAL);
}

/* Destroying one source keeps what the other one needs. */
static void two_sources(void **state)
{
	struct smudge_source *second;
	struct smudge_kvm_slot slot;
	struct kvm_track k;

	kvm_track_open(&k, SMUDGE_KVM_LOG_MANUAL, NPAGES, 0, 12);
	slot = tiny_vm_slot(&k.vm);
	assert_int_equal(smudge_kvm_log_create(k.kvm, &slot, &second, NULL), 0);
	smudge_kvm_destroy(k.kvm);
	k.kvm = NULL;
	smudge_source_destroy(second);
	assert_int_equal(
		smudge_client_close(kvm_track_clean_client(&k, "test")), 0);
	kvm_track_close(&k);
}

TEST_MAIN(legacy, manual, two_sources)
