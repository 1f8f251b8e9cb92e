/* SPDX-License-Identifier: MIT */
/*
 * A virtual machine of KVM with one vCPU and one large slot of memory, which
 * writes the pages that it is told, and nothing else in that slot.
 */
#ifndef BENCH_BENCH_GUEST_H
#define BENCH_BENCH_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

#define BENCH_GUEST_GPA	 (UINT64_C(4) << 30)
#define BENCH_GUEST_PAGE UINT64_C(4096)
#define BENCH_GUEST_SLOT 1 /* of the large memory */

/* What the machine's owner does; each may be NULL. */
struct bench_guest_hooks {
	/* Before there are slots and vCPUs. Return: 0, or -errno. */
	int (*choose_log)(void *opaque, int vm_fd, struct smudge_error *err);
	/* After KVM_EXIT_DIRTY_RING_FULL. Return: 0, or -errno. */
	int (*ring_full)(void *opaque);
	void *opaque; /* for both */
};

struct bench_guest {
	struct bench_guest_hooks hooks;
	int vm_fd, vcpu_fd;
	struct kvm_run *run;
	uint64_t run_bytes;
	uint8_t *low; /* program and page tables */
	uint8_t *ram;
	uint64_t ram_bytes;
	bool owns_ram;
};

/*
 * bench_guest_open - make the machine
 * @ram: its memory (borrowed), or NULL: its own, which is reserved only
 * @hooks: copied; NULL: none
 *
 * Return: 0, or -errno with one sentence; nothing is open then.
 */
int bench_guest_open(struct bench_guest *guest, void *ram, uint64_t ram_bytes,
		     const struct bench_guest_hooks *hooks,
		     struct smudge_error *err);
/* What is open already. */
void bench_guest_close(struct bench_guest *guest);

/* Store to @npages pages, every @stride-th from the first. False: KVM failed.
 */
bool bench_guest_write(struct bench_guest *guest, uint64_t npages,
		       uint64_t stride);

#endif
