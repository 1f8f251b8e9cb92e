/* SPDX-License-Identifier: MIT */
/*
 * Draining the rings of a VM while its vCPUs run.
 *
 *	for each ring, until it is empty or was drained once around:
 *		copy a batch of entries, and flag them
 *		KVM_RESET_DIRTY_RINGS, until the kernel has reset the batch
 *		post the copies
 *
 * WHY RESET FIRST. A page that is posted may be taken and read at once, by
 * another thread. A vCPU may have written it again since its entry was pushed,
 * and that pushes nothing until the entry was reset. Were the page read before
 * the reset, then written, then reset, that write would be in no ring and in no
 * copy. With the reset first, a write before it is in what the taker reads, and
 * one after it pushes an entry of its own. The kernel flushes the processors'
 * translations before the call returns.
 *
 * One ring at a time, so that the call's answer tells how far the kernel got in
 * this ring.
 *
 * INTERRUPTED RESETS. The kernel gathers entries whose pages lie within 64 of
 * each other, and arms these pages at once. Since Linux 6.16 it gives the call
 * up when a signal is pending, and forgets what it has gathered (seen in 6.18):
 * these entries are empty, their pages are not armed, and what is written to
 * them is in no ring. So no signal comes in meanwhile. What cannot be blocked
 * (work that io_uring does in this thread, a stop) is noticed by the entries
 * that are flagged still, and all slots start over.
 *
 * LOST ENTRIES are those that the kernel overwrote (kvm_ring_entries.h). Their
 * pages are writable without an entry, and nothing names them. So all slots
 * start over: their logging is switched off and on, which arms every page; then
 * all pages are posted. Until that succeeded each collect tries it again.
 */
#include "source/kvm_ring.h"

#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "source/hub_objects.h"
#include "sys/log.h"

/* Answers of 0 in a row, each perhaps because it was interrupted. */
#define MAX_IDLE_RESETS 1000

/* What is posted at once, and from how many pages on that is cheaper. */
#define BLOCK_PAGES UINT64_C(4096)
#define MIN_MERGED  4

static int reset_failed(int code, struct smudge_error *err)
{
	return smudge_error_set(err, code, SMI_KVM_RING,
				"KVM_RESET_DIRTY_RINGS fails: %s",
				strerror(-code));
}

/*
 * The kernel's mask, of 64 signals. Libc's functions leave out two of its own,
 * by which another thread's setuid(2) or pthread_cancel(3) comes to this one.
 */
static void set_mask(uint64_t mask, uint64_t *before)
{
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, before, sizeof(mask));
}

/* Return: the number of entries that the kernel reset, or -errno. */
static int call_reset(struct smudge_kvm_ring *handle)
{
	uint64_t before = 0;
	int ret;

	set_mask(UINT64_MAX, &before);
	ret = ioctl(handle->vm_fd, KVM_RESET_DIRTY_RINGS, 0);
	if (ret < 0)
		ret = errno == EINTR || errno == EAGAIN ? 0 : -errno;
	set_mask(before, NULL);
	handle->stats.resets++;
	return ret;
}

/* After a reset of some entries. */
static void note_interrupted(struct smudge_kvm_ring *handle,
			     const struct smi_ring *ring)
{
	if (ring->reset >= ring->fetch || !smi_ring_is_flagged(ring))
		return;
	handle->must_start_over = true;
	SMI_SYS_LOG(SMUDGE_LOG_INFO, SMI_KVM_RING,
		    "KVM_RESET_DIRTY_RINGS was interrupted, after which pages "
		    "may not be armed: all pages are armed and reported again");
}

/*
 * Let the kernel reset what was fetched. It stops before the end where it finds
 * an entry that was overwritten; ring->reset tells. Once that entry was fetched
 * again the kernel also passes those behind it, which are flagged still.
 */
static int reset_fetched(struct smudge_kvm_ring *handle, struct smi_ring *ring,
			 struct smudge_error *err)
{
	unsigned int idle = 0;

	while (ring->reset < ring->fetch) {
		int n = call_reset(handle);

		if (n < 0)
			return reset_failed(n, err);
		smi_ring_was_reset(ring, (uint64_t)n);
		if (n > 0)
			note_interrupted(handle, ring);
		if (n > 0)
			idle = 0;
		else if (!smi_ring_is_flagged(ring))
			break;
		else if (++idle == MAX_IDLE_RESETS)
			return reset_failed(-EIO, err);
	}
	return 0;
}

/* Entries of one slot and one block. */
static void post_block(struct smudge_kvm_ring *handle,
		       const struct smi_ring_page *pages, size_t n)
{
	struct smi_kvm_ring_slot *slot = NULL;
	uint64_t first_page = pages->offset / BLOCK_PAGES * BLOCK_PAGES;
	uint64_t words[BLOCK_PAGES / 64] = {0};

	if (pages->slot < SMI_KVM_RING_NSLOTS)
		slot = handle->slots[pages->slot];
	if (!slot) {
		handle->stats.ignored += n;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t bit = pages[i].offset - first_page;

		if (n < MIN_MERGED)
			smi_hub_post_collected(slot->member, pages[i].offset,
					       1);
		else
			words[bit / 64] |= htole64(UINT64_C(1) << bit % 64);
	}
	if (n >= MIN_MERGED)
		smi_hub_post_words(slot->member, first_page, words,
				   BLOCK_PAGES / 64);
}

/*
 * Neighbours at once: to post a page by itself costs as much as the kernel
 * takes to reset its entry.
 */
static void post(struct smudge_kvm_ring *handle, size_t npages)
{
	const struct smi_ring_page *pages = handle->pages;
	size_t first = 0;

	for (size_t i = 1; i <= npages; i++) {
		if (i < npages && pages[i].slot == pages[first].slot &&
		    pages[i].offset / BLOCK_PAGES ==
			    pages[first].offset / BLOCK_PAGES)
			continue;
		post_block(handle, &pages[first], i - first);
		first = i;
	}
}

static void note_overflow(struct smudge_kvm_ring *handle, struct smi_ring *ring)
{
	smi_ring_overflowed(ring);
	handle->must_start_over = true;
	handle->stats.overflows++;
	SMI_SYS_LOG(SMUDGE_LOG_WARNING, SMI_KVM_RING,
		    "KVM let a vCPU write on with a full ring of %llu entries "
		    "and overwrote some: all pages are armed and reported "
		    "again",
		    (unsigned long long)ring->nentries);
}

/*
 * Reset what was fetched, and look for an overflow. After a failure nothing is
 * known about it, so all slots start over.
 */
static int reset_batch(struct smudge_kvm_ring *handle, struct smi_ring *ring,
		       struct smudge_error *err)
{
	uint64_t reset = ring->reset;
	int ret;

	if (reset == ring->fetch)
		return 0;
	ret = reset_fetched(handle, ring, err);
	if (ret < 0)
		handle->must_start_over = true;
	else if (ring->reset < ring->fetch || !smi_ring_had_room(ring, reset))
		note_overflow(handle, ring);
	return ret;
}

/* Return: the size of the batch, or -errno. */
static int drain_batch(struct smudge_kvm_ring *handle, struct smi_ring *ring,
		       struct smudge_error *err)
{
	size_t n = smi_ring_fetch(ring, handle->pages, handle->max_pages);
	int ret = reset_batch(handle, ring, err);

	if (ret < 0)
		return ret;
	handle->stats.entries += n;
	post(handle, n);
	return (int)n;
}

/* What was pushed before the call is within a ring's length from here. */
static int drain(struct smudge_kvm_ring *handle, struct smi_ring *ring,
		 struct smudge_error *err)
{
	uint64_t total = 0;
	int n;

	do {
		n = drain_batch(handle, ring, err);
		if (n < 0)
			return n;
		total += (uint64_t)n;
	} while ((size_t)n == handle->max_pages && total < ring->nentries);
	return 0;
}

/*
 * Let the kernel pass over entries that it never pushed: all of a hole; or
 * some, of a ring that was found full twice with nothing in between. So the
 * kernel counts its soft limit at least, which is above a quarter of the ring.
 */
static int close_hole(struct smudge_kvm_ring *handle,
		      struct smudge_kvm_ring_vcpu *vcpu,
		      struct smudge_error *err)
{
	struct smi_ring *ring = &vcpu->ring;
	uint64_t n = smi_ring_hole(ring);

	if (!n && vcpu->is_stuck && ring->reset == vcpu->reset_when_full)
		n = ring->nentries / 4;
	vcpu->is_stuck = false;
	if (!n)
		return 0;
	smi_ring_skip(ring, n);
	handle->must_start_over = true;
	return reset_batch(handle, ring, err);
}

static int drain_vcpu(struct smudge_kvm_ring *handle,
		      struct smudge_kvm_ring_vcpu *vcpu,
		      struct smudge_error *err)
{
	int ret = drain(handle, &vcpu->ring, err);

	if (ret == 0 && vcpu->ring.has_overflowed)
		ret = close_hole(handle, vcpu, err);
	return ret;
}

/*
 * A collect that failed has left at most one ring with entries that were
 * flagged and not reset. They come first: a reset of another ring would count
 * them.
 */
static int drain_all(struct smudge_kvm_ring *handle, struct smudge_error *err)
{
	struct smudge_kvm_ring_vcpu *first = handle->vcpus;
	int ret = 0;

	for (struct smudge_kvm_ring_vcpu *v = first; v && !ret; v = v->next)
		ret = reset_batch(handle, &v->ring, err);
	for (struct smudge_kvm_ring_vcpu *v = first; v && !ret; v = v->next)
		ret = drain_vcpu(handle, v, err);
	return ret;
}

int smi_kvm_ring_collect(void *opaque, struct smudge_error *err)
{
	struct smudge_kvm_ring *handle = opaque;
	int ret;

	pthread_mutex_lock(&handle->lock);
	ret = drain_all(handle, err);
	pthread_mutex_unlock(&handle->lock);
	if (ret == 0 && handle->has_bitmap)
		ret = smi_kvm_ring_read_bitmaps(handle, err);
	if (ret == 0 && handle->must_start_over)
		ret = smi_kvm_ring_start_over(handle, err);
	return ret;
}
