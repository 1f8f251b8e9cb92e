/* SPDX-License-Identifier: MIT */
/*
 * Pages of one KVM slot that were harvested and not yet cleared in the kernel.
 * This file only keeps account: the caller makes the system call, through a
 * function pointer, so that tests can put a model in place of KVM.
 *
 * In manual mode the kernel keeps a page's bit until KVM_CLEAR_DIRTY_LOG,
 * which also arms the page for the next write. Clients take pages at
 * different times, each clearing in the kernel what it takes; the danger is
 * that one client's clear destroys a write that no harvest has seen yet, and
 * so loses it for the others.
 *
 *   INVARIANT  pending[p]  =>  every open client's bit of p is set
 *                              (but in a batch being taken right now)
 *
 * It holds after a harvest: pending is the very bitmap KVM_GET_DIRTY_LOG
 * returned, and all of it is merged into every client. A harvest may replace
 * the old bitmap without merging it by hand, because only a clear of ours
 * removes a bit in the kernel, and each clear removes it here too: what was
 * pending is still set in the kernel and is in the new bitmap. If the harvest
 * fails, the buffer may be half new, but then the memory layer makes the whole
 * range dirty for every client, and any content satisfies the invariant.
 * It holds for a client opened later, which begins all dirty, and after a
 * return, which only sets client bits. A take ends it for the pages taken, so
 * the take clears exactly those pages that are taken AND pending, here and in
 * the kernel, before it ends; if the clear fails, the take puts its bits
 * back, and bits that remain pending are covered again.
 *
 * A look is a harvest whose takes clear nothing: they leave pages pending that
 * a client no longer has. That is harmless because no clear follows: takes
 * clear again only after the next harvest, which renews the bitmap. The memory
 * layer sees to it (takes_rearm in memory/objects.h). A quiesced harvest clears
 * all that is pending, right after it was merged into every client.
 *
 * No write is lost, whenever it lands on page p:
 * - before the harvest that made p pending: the bit was merged;
 * - after that harvest and before the clear: the kernel's bit was set
 *   already, and the clear forgets the write; but every other client still
 *   has its bit of p, and reads p later; the taker reads p after the clear,
 *   so it gets the content;
 * - after the clear: p is armed, and the next harvest reports it.
 * A page taken that is not pending is not cleared: either its kernel bit is
 * clear and it is armed, or the bit stands for a write not harvested yet,
 * which the next harvest reports to every client.
 */
#ifndef LIB_SOURCE_KVM_PENDING_H
#define LIB_SOURCE_KVM_PENDING_H

#include <stddef.h>
#include <stdint.h>

#include <smudge/batch.h>

/*
 * Pages cleared by one call. KVM holds its MMU lock during the call, and the
 * guest's page faults wait for it. 2^18 pages, 1 GiB, is also QEMU's choice.
 */
#define SMI_KVM_CHUNK_PAGES (UINT64_C(1) << 18)

struct smi_kvm_pending {
	uint64_t *words;   /* little-endian, as the kernel writes them */
	uint64_t *chunk;   /* work space, zero between calls */
	uint16_t *used;	   /* work space: words of the chunk that are not 0 */
	uint64_t npages;   /* of the slot */
	size_t words_size; /* of words, in bytes: whole 64-bit words */
};

/*
 * Clear pages in the kernel. first_page is a multiple of 64; npages too, unless
 * the range ends where the slot does. Return: 0 or -errno.
 */
struct smi_kvm_clear {
	int (*call)(void *opaque, uint64_t first_page, uint64_t npages,
		    const uint64_t *bits);
	void *opaque;
};

/* Nothing is pending; memory is populated as bits appear. Return: 0, -ENOMEM.
 */
int smi_kvm_pending_open(struct smi_kvm_pending *pending, uint64_t npages);
void smi_kvm_pending_close(struct smi_kvm_pending *pending);

/* A pass over taken pages, in ascending order: add..., then flush. */
struct smi_kvm_pass {
	struct smi_kvm_pending *pending;
	const struct smi_kvm_clear *clear;
	uint64_t word; /* of 64 pages of the slot, being collected; or NONE */
	uint64_t bits; /* its pages that were taken */
	size_t nused;  /* earlier words of its chunk, with pending pages */
};

#define SMI_KVM_PASS_NONE UINT64_MAX

void smi_kvm_pass_begin(struct smi_kvm_pass *pass,
			struct smi_kvm_pending *pending,
			const struct smi_kvm_clear *clear);

/*
 * smi_kvm_pass_add - pages [first, end) of the slot were taken
 *
 * @first is not below that of an earlier call; ranges may overlap by a page.
 * Return: 0, or the error of a clear; what was cleared before it stays so,
 * and the pass is over: no flush.
 */
int smi_kvm_pass_add(struct smi_kvm_pass *pass, uint64_t first, uint64_t end);

/*
 * smi_kvm_pass_add_runs - the same for many runs, none of them empty
 * @base_page: what the slot's first page is to the runs; all are in the slot
 */
int smi_kvm_pass_add_runs(struct smi_kvm_pass *pass,
			  const struct smudge_run *runs, size_t n,
			  uint64_t base_page);

int smi_kvm_pass_flush(struct smi_kvm_pass *pass);

#endif
