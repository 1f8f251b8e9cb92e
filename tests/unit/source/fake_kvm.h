/* SPDX-License-Identifier: MIT */
/*
 * A simulated KVM with dirty rings: what the library asks of its descriptors is
 * answered here (ioctl, mmap64 and madvise are wrapped by the linker). Two
 * vCPUs, two slots, and one thread.
 *
 * A page is armed or not. A store to an armed page pushes an entry and disarms
 * the page. A ring that is full is overwritten, as some kernels do. Posts are
 * wrapped too: a page that is posted before it is armed fails the test. A reset
 * that is interrupted does not arm the pages that it gathered last, as in Linux
 * 6.16 to 6.18.
 */
#ifndef TESTS_UNIT_SOURCE_FAKE_KVM_H
#define TESTS_UNIT_SOURCE_FAKE_KVM_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/kvm_ring.h>

#include "source/kvm_ring_entries.h"

#define FAKE_NVCPUS   2
#define FAKE_NSLOTS   2
#define FAKE_PAGES    100 /* of each slot */
#define FAKE_RESERVED 4	  /* entries below a full ring */

/* The vCPUs' descriptors; the VM's is vm_fd. */
#define FAKE_VCPU_FD 100000

struct fake_vcpu {
	struct smi_ring_entry *entries;
	uint32_t dirty, reset; /* the kernel's counts */
};

struct fake_kvm {
	int vm_fd;
	/* What it has: */
	int ring_bytes, acq_rel_bytes, manual, bitmap;
	/* What was asked for: */
	uint32_t enabled_cap, nentries;
	bool is_manual, has_bitmap;
	/* What fails; 0: nothing. */
	int enable_error, reset_error, log_error, get_error, map_error;
	int populate_error;
	unsigned int resets_per_call; /* 0: all; else it is interrupted */
	bool by_signals;	      /* unless the thread blocks them */
	unsigned int nidle;	      /* calls that reset nothing */
	unsigned int noverflows, nresets;
	struct fake_vcpu vcpus[FAKE_NVCPUS];
	uint32_t ids[FAKE_NSLOTS];
	bool is_logging[FAKE_NSLOTS];
	bool is_armed[FAKE_NSLOTS][FAKE_PAGES];
	/* not armed by an interrupted reset: must be posted again when it is */
	bool is_forgotten[FAKE_NSLOTS][FAKE_PAGES];
	uint64_t words[2]; /* of slot 0, written without a vCPU */
	/* The members, told by the test, for the check of posts. */
	struct smudge_hub_member *members[FAKE_NSLOTS];
};

/* The one VM; it has everything after this. */
extern struct fake_kvm fake_kvm;
void fake_kvm_open(void);
void fake_kvm_close(void);

/* Push an entry, whatever it names. */
void fake_kvm_push(unsigned int vcpu, uint32_t slot, uint64_t offset);
/* A store by a vCPU, whether or not its ring is full. */
void fake_kvm_store(unsigned int vcpu, unsigned int slot, uint64_t page);
/* Would it leave the guest with KVM_EXIT_DIRTY_RING_FULL? */
bool fake_kvm_is_full(unsigned int vcpu);

#endif
