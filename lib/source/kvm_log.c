/* SPDX-License-Identifier: MIT */
/*
 * The dirty log of one KVM memory slot.
 *
 * Legacy mode: KVM_GET_DIRTY_LOG fetches, clears and re-protects in one step,
 * so the harvest re-arms. Manual mode: KVM_GET_DIRTY_LOG only fetches, and
 * KVM_CLEAR_DIRTY_LOG re-protects exactly the pages a client takes, at the
 * moment it takes them; kvm_pending.h has the rule that keeps clients from
 * destroying each other's writes, and its proof.
 *
 * Logging is on only between start and stop: while it is on, KVM maps the
 * slot in small pages, and they stay small if logging is left on. KVM's pages
 * have the host's size, whatever the region's size is.
 */
#include <smudge/source.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

#include "source/kvm.h"
#include "source/kvm_exists.h"
#include "source/kvm_pending.h"
#include "source/kvm_slot.h"

#define WHERE "kvm_log"

#define RUNS_AT_ONCE 256 /* of a batch, copied: 4 KiB of stack */

struct kvm_log {
	struct smudge_kvm *kvm;
	struct smi_kvm_claim claim; /* listed between start and stop */
	struct smudge_kvm_slot slot;
	unsigned int page_shift;	  /* the host's */
	struct smudge_source_range range; /* since the last start */
	/* Open between start and stop. Legacy mode uses it as a buffer. */
	struct smi_kvm_pending pending;
};

static int get_log(const struct kvm_log *log)
{
	struct kvm_dirty_log get = {
		.slot = log->slot.slot,
		.dirty_bitmap = log->pending.words,
	};

	return ioctl(log->kvm->vm_fd, KVM_GET_DIRTY_LOG, &get) < 0 ? -errno : 0;
}

static int clear_log(void *opaque, uint64_t first_page, uint64_t npages,
		     const uint64_t *bits)
{
	const struct kvm_log *log = opaque;
	struct kvm_clear_dirty_log clear = {
		.slot = log->slot.slot,
		.num_pages = (uint32_t)npages, /* at most a chunk */
		.first_page = first_page,
		.dirty_bitmap = (void *)(uintptr_t)bits,
	};

	if (ioctl(log->kvm->vm_fd, KVM_CLEAR_DIRTY_LOG, &clear) < 0)
		return -errno;
	return 0;
}

static int get_failed(const struct kvm_log *log, int code,
		      struct smudge_error *err)
{
	const char *why = strerror(-code);

	if (code == -ENXIO)
		why = "the VM uses the dirty ring instead";
	else if (code == -ENOENT)
		why = "it has no log any more, which only its source may stop";
	return smudge_error_set(err, code, WHERE,
				"KVM_GET_DIRTY_LOG of slot %u fails: %s",
				log->slot.slot, why);
}

/*
 * The first GET fetches which pages are pending from the start: all of them
 * with KVM_DIRTY_LOG_INITIALLY_SET. They need no report, since everything is
 * dirty for the clients now.
 */
static int begin_logging(struct kvm_log *log, struct smudge_error *err)
{
	int ret = smi_kvm_slot_log(log->kvm->vm_fd, &log->slot, true);

	if (ret < 0)
		return smudge_error_set(
			err, ret, WHERE,
			"KVM refuses to log dirty pages of slot %u: %s",
			log->slot.slot, strerror(-ret));
	ret = get_log(log);
	if (ret < 0) {
		get_failed(log, ret, err);
		smi_kvm_slot_log(log->kvm->vm_fd, &log->slot, false);
	}
	return ret;
}

static int kvm_log_start(void *opaque, const struct smudge_source_range *range,
			 struct smudge_error *err)
{
	struct kvm_log *log = opaque;
	int ret = smi_kvm_slot_check_range(&log->slot, range, WHERE, err);

	if (ret == 0)
		ret = smi_kvm_check_exists(log->kvm->vm_fd, &log->slot, WHERE,
					   err);
	if (ret < 0)
		return ret;
	log->range = *range;
	log->claim.slot = log->slot.slot;
	ret = smi_kvm_slot_claim(log->kvm, &log->claim);
	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					"slot %u is tracked by another source",
					log->slot.slot);
	ret = smi_kvm_pending_open(&log->pending,
				   log->slot.size_bytes >> log->page_shift);
	if (ret < 0)
		smudge_error_set(err, ret, WHERE, "out of memory");
	else
		ret = begin_logging(log, err);
	if (ret < 0) {
		smi_kvm_pending_close(&log->pending);
		smi_kvm_slot_release(log->kvm, &log->claim);
	}
	return ret;
}

/*
 * A slot that was deleted too early must not come back: KVM creates a slot
 * whose flags are set and that does not exist. GET fails for such a slot.
 */
static void kvm_log_stop(void *opaque)
{
	struct kvm_log *log = opaque;

	if (get_log(log) != -ENOENT)
		smi_kvm_slot_log(log->kvm->vm_fd, &log->slot, false);
	smi_kvm_pending_close(&log->pending);
	smi_kvm_slot_release(log->kvm, &log->claim);
}

/* In manual mode also the look: GET leaves the kernel's bits as they are. */
static int kvm_log_harvest(void *opaque, struct smudge_sink *sink,
			   struct smudge_error *err)
{
	struct kvm_log *log = opaque;
	int ret = get_log(log);

	if (ret < 0)
		return get_failed(log, ret, err);
	smudge_sink_bitmap(sink, 0, log->pending.words, 0, log->pending.npages,
			   log->page_shift);
	return 0;
}

/*
 * Convert pages of the region to pages of the slot, rounded outward. So a KVM
 * page that was taken in part is cleared. The invariant allows it, since the
 * other parts are still dirty for every client.
 */
static void slot_pages(const struct kvm_log *log, struct smudge_run run,
		       uint64_t *ret_first, uint64_t *ret_end)
{
	const struct smudge_source_range *range = &log->range;
	uint64_t first = run.first_page;
	uint64_t end = run.first_page + run.npages;
	uint64_t range_end = range->first_page + range->npages;
	uint64_t round = (UINT64_C(1) << log->page_shift) - 1;

	first = first < range->first_page ? range->first_page : first;
	end = end > range_end ? range_end : end;
	*ret_first = *ret_end = 0;
	if (first >= end)
		return;
	first = (first - range->first_page) << range->page_shift;
	end = (end - range->first_page) << range->page_shift;
	*ret_first = first >> log->page_shift;
	*ret_end = (end + round) >> log->page_shift;
	if (*ret_end > log->pending.npages)
		*ret_end = log->pending.npages;
}

/* Do the runs need no conversion: the same pages, and all in the range? */
static bool are_slot_pages(const struct kvm_log *log,
			   const struct smudge_run *runs, size_t n)
{
	const struct smudge_source_range *range = &log->range;
	const struct smudge_run *last = &runs[n - 1];

	return range->page_shift == log->page_shift &&
	       range->npages == log->pending.npages &&
	       runs[0].first_page >= range->first_page &&
	       last->first_page + last->npages <=
		       range->first_page + range->npages;
}

static int add_runs(const struct kvm_log *log, struct smi_kvm_pass *pass,
		    const struct smudge_run *runs, size_t n)
{
	int ret = 0;

	if (are_slot_pages(log, runs, n))
		return smi_kvm_pass_add_runs(pass, runs, n,
					     log->range.first_page);
	for (size_t i = 0; i < n && !ret; i++) {
		uint64_t first, end;

		slot_pages(log, runs[i], &first, &end);
		ret = smi_kvm_pass_add(pass, first, end);
	}
	return ret;
}

static int kvm_log_rearm(void *opaque, const struct smudge_batch *batch,
			 struct smudge_error *err)
{
	struct kvm_log *log = opaque;
	struct smi_kvm_clear clear = {.call = clear_log, .opaque = log};
	struct smudge_run runs[RUNS_AT_ONCE];
	struct smi_kvm_pass pass;
	size_t at = 0, n;
	int ret = 0;

	smi_kvm_pass_begin(&pass, &log->pending, &clear);
	while (!ret &&
	       (n = smudge_batch_runs(batch, at, runs, RUNS_AT_ONCE)) > 0) {
		ret = add_runs(log, &pass, runs, n);
		at += n;
	}
	if (!ret)
		ret = smi_kvm_pass_flush(&pass);
	if (ret < 0)
		return smudge_error_set(
			err, -EIO, WHERE,
			"KVM_CLEAR_DIRTY_LOG of slot %u fails: %s",
			log->slot.slot, strerror(-ret));
	return 0;
}

static void kvm_log_destroy(void *opaque)
{
	struct kvm_log *log = opaque;

	smi_kvm_release(log->kvm);
	free(log);
}

/* No look: each GET clears and re-protects. */
static const struct smudge_source_ops legacy_ops = {
	.size = sizeof(legacy_ops),
	.name = "kvm_log",
	.start = kvm_log_start,
	.stop = kvm_log_stop,
	.harvest = kvm_log_harvest,
	.destroy = kvm_log_destroy,
};

static const struct smudge_source_ops manual_ops = {
	.size = sizeof(manual_ops),
	.name = "kvm_log",
	.start = kvm_log_start,
	.stop = kvm_log_stop,
	.harvest = kvm_log_harvest,
	.rearm = kvm_log_rearm,
	.destroy = kvm_log_destroy,
	.look = kvm_log_harvest,
};

int smudge_kvm_log_create(struct smudge_kvm *kvm,
			  const struct smudge_kvm_slot *slot,
			  struct smudge_source **ret_source,
			  struct smudge_error *err)
{
	bool manual = kvm->mode == SMUDGE_KVM_LOG_MANUAL;
	struct smudge_kvm_slot own;
	struct kvm_log *log;
	int ret;

	smudge_error_clear(err);
	ret = smi_kvm_slot_copy(&own, slot, WHERE, err);
	if (ret < 0)
		return ret;
	log = calloc(1, sizeof(*log));
	if (!log)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	log->kvm = kvm;
	log->slot = own;
	log->page_shift = smi_kvm_page_shift();
	ret = smudge_source_create(manual ? &manual_ops : &legacy_ops, log,
				   ret_source, NULL);
	if (ret < 0) {
		smudge_error_set(err, ret, WHERE, "cannot make a source: %s",
				 strerror(-ret));
		free(log);
		return ret;
	}
	smi_kvm_hold(kvm);
	return 0;
}
