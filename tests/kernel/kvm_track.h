/* SPDX-License-Identifier: MIT */
/*
 * A tiny machine whose RAM is tracked by KVM's dirty log: what the tests of
 * that source begin with.
 */
#ifndef TESTS_KERNEL_KVM_TRACK_H
#define TESTS_KERNEL_KVM_TRACK_H

#include "tiny_vm.h"
#include "track.h"

struct kvm_track {
	struct track track;
	struct tiny_vm vm;
	struct smudge_kvm *kvm;
	struct smudge_source *source;
};

/*
 * The slot has @npages of 4 KiB and begins @before pages into the region,
 * which has @before more. Skips the test without KVM or the mode. No client
 * is open yet.
 */
void kvm_track_open(struct kvm_track *k, enum smudge_kvm_log_mode mode,
		    uint64_t npages, uint64_t before, unsigned int page_shift);
void kvm_track_close(struct kvm_track *k);

/* A client for whom everything is clean, in the kernel too. */
struct smudge_client *kvm_track_clean_client(struct kvm_track *k,
					     const char *name);

#endif
