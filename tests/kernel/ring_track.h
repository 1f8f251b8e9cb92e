/* SPDX-License-Identifier: MIT */
/*
 * A tiny machine whose RAM is tracked by KVM's dirty rings: what the tests of
 * that source begin with.
 */
#ifndef TESTS_KERNEL_RING_TRACK_H
#define TESTS_KERNEL_RING_TRACK_H

#include "tiny_vm.h"
#include "track.h"

struct ring_track {
	struct track track;
	struct tiny_vm vm;
	struct smudge_source *source;
};

/*
 * The slot has @npages of 4 KiB and begins @before pages into the region,
 * which has @before more. Skips the test without KVM or its rings. No client
 * is open yet.
 */
void ring_track_open(struct ring_track *k, uint32_t nentries, uint64_t npages,
		     uint64_t before, unsigned int page_shift);
void ring_track_close(struct ring_track *k);

/* A client for whom everything is clean, in the kernel too. */
struct smudge_client *ring_track_clean_client(struct ring_track *k,
					      const char *name);

struct smudge_kvm_ring_stats ring_track_stats(const struct ring_track *k);

#endif
