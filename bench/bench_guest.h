/* SPDX-License-Identifier: MIT */
/*
 * A virtual machine of KVM with one vCPU and one large slot of memory, which
 * writes the pages that it is told, and nothing else in that slot.
 */
#ifndef BENCH_BENCH_GUEST_H
#define BENCH_BENCH_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/kvm_ring.h>
#include <smudge/source.h>

#define BENCH_GUEST_GPA	 (UINT64_C(4) << 30)
#define BENCH_GUEST_PAGE UINT64_C(4096)

struct bench_guest {
	int vm_fd, vcpu_fd;
	struct kvm_run *run;
	uint64_t run_bytes;
	uint8_t *low; /* program and page tables */
	uint8_t *ram;
	uint64_t ram_bytes;
	struct smudge_kvm_ring *ring; /* or */
	struct smudge_kvm *kvm;	      /* the other one is NULL */
	struct smudge_kvm_ring_vcpu *ring_vcpu;
	struct smudge_source *source; /* of the slot, attached nowhere */
};

/*
 * With dirty rings, or the log. Its memory is reserved only. Return: 0, or
 * -errno with one sentence; nothing is open then.
 */
int bench_guest_open(struct bench_guest *guest, uint64_t ram_bytes,
		     bool has_ring, struct smudge_error *err);
/* The source first; it is destroyed. */
void bench_guest_close(struct bench_guest *guest);

/* Store to @npages pages, every @stride-th from the first. False: KVM failed.
 */
bool bench_guest_write(struct bench_guest *guest, uint64_t npages,
		       uint64_t stride);

#endif
