/* SPDX-License-Identifier: MIT */
/*
 * The smallest virtual machine that writes memory: one vCPU in flat 32-bit
 * protected mode, one slot of RAM under test at TINY_RAM_GPA, and its program
 * in another slot, so that nothing but the test's stores dirties the RAM.
 *
 * It is driven in two ways: store by store (tiny_vm_store), to build an
 * interleaving exactly, or free (tiny_vm_run), from a thread of its own.
 */
#ifndef TESTS_KERNEL_TINY_VM_H
#define TESTS_KERNEL_TINY_VM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/kvm_ring.h>
#include <smudge/source.h>

#include "racing.h"

#define TINY_RAM_GPA  UINT64_C(0x10000000)
#define TINY_RAM_SLOT 3

struct tiny_vm {
	int kvm_fd;
	int vm_fd;
	int vcpu_fd;
	struct kvm_run *run;
	size_t run_bytes;
	uint8_t *code; /* one page */
	uint8_t *ram;
	uint64_t npages;     /* of 4 KiB, of the RAM under test */
	atomic_bool stop;    /* ends tiny_vm_run at the end of a pass */
	atomic_ulong passes; /* done, by tiny_vm_run */
	atomic_bool ended;   /* tiny_vm_run has returned, or is about to */
	/* NULL, but with a dirty ring: */
	struct smudge_kvm_ring *ring;
	struct smudge_kvm_ring_vcpu *ring_vcpu;
	unsigned long nfull; /* exits with a full ring, by its thread */
};

/* Opens it or fails the running test. RAM is @npages at @ram, or its own. */
void tiny_vm_open(struct tiny_vm *vm, uint8_t *ram, uint64_t npages);
void tiny_vm_close(struct tiny_vm *vm);

/*
 * The same with dirty rings of @nentries, 0: the largest. Return: 0, or what
 * smudge_kvm_ring_create answered; nothing is open then.
 */
int tiny_vm_open_ring(struct tiny_vm *vm, uint8_t *ram, uint64_t npages,
		      uint32_t nentries, struct smudge_error *err);

/*
 * Another vCPU of the same VM, as a machine of its own but for the VM's
 * descriptors, RAM and program. Its ring is added by tiny_vm_add_ring.
 */
void tiny_vm_open_vcpu(struct tiny_vm *vm, struct tiny_vm *first,
		       unsigned int index);
void tiny_vm_add_ring(struct tiny_vm *vm);
void tiny_vm_close_vcpu(struct tiny_vm *vm);

/* The description of the slot under test. */
struct smudge_kvm_slot tiny_vm_slot(const struct tiny_vm *vm);

/* Take the slot under test away from the VM; is it there? */
void tiny_vm_delete_slot(struct tiny_vm *vm);
bool tiny_vm_has_slot(const struct tiny_vm *vm);

/* The guest stores 4 bytes at the start of a page; it is done on return. */
void tiny_vm_store(struct tiny_vm *vm, uint64_t page, uint32_t value);
/* The same at an address of any slot. */
void tiny_vm_store_at(struct tiny_vm *vm, uint64_t gpa, uint32_t value);

/*
 * The guest stores increasing numbers, one per page, at pages first,
 * first + stride... below end, again and again until vm->stop. Return: false
 * when KVM failed. Runs in the calling thread; no failing assertion inside.
 */
bool tiny_vm_run(struct tiny_vm *vm, uint64_t first, uint64_t end,
		 uint64_t stride);

/* Did tiny_vm_run make so many passes, or give up? */
bool tiny_vm_did_passes(struct tiny_vm *vm, unsigned long n);

/* The number at the start of a page, as it is now. */
static inline uint32_t tiny_vm_peek(const struct tiny_vm *vm, uint64_t page)
{
	/* Relaxed: a plain snapshot of a word the vCPU may be writing. */
	return racing_load(vm->ram + page * 4096);
}

#endif
