/* SPDX-License-Identifier: MIT */
/*
 * mprotect(2) as a source. mprotect_area.h says why no store is lost;
 * mprotect_fault.c has the handler.
 */
#include <smudge/mprotect.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/mprotect_area.h"
#include "source/mprotect_spare.h"
#include "source/range_check.h"
#include "sys/log.h"
#include "sys/protections.h"
#include "sys/space.h"

#define WHERE "mprotect"

struct mprotect {
	uint64_t space; /* between start and stop: the address space */
	struct smi_mprotect_area *area;	  /* between start and stop */
	struct smi_sys_protections claim; /* the same */
	struct smudge_batch *batch;
};

static int new_area(struct mprotect *m, uint64_t start, uint64_t end,
		    struct smudge_error *err)
{
	int ret;

	m->area = calloc(1, sizeof(*m->area));
	if (!m->area)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	ret = smi_mprotect_area_open(m->area, start, end, err);
	if (ret < 0) {
		free(m->area);
		m->area = NULL;
	}
	return ret;
}

/* The range's addresses, if they are whole host pages. */
static int get_range(const struct smudge_source_range *range,
		     uint64_t *ret_start, uint64_t *ret_end,
		     struct smudge_error *err)
{
	uint64_t page_mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
	uint64_t start = (uintptr_t)range->hva;
	uint64_t end = start + (range->npages << range->page_shift);
	int ret = smi_range_check_hva(range, WHERE, err);

	if (ret < 0)
		return ret;
	if (end <= start || ((start | end) & page_mask))
		return smudge_error_set(err, -EINVAL, WHERE,
					"memory from 0x%" PRIx64
					" to 0x%" PRIx64
					" is not made of whole host pages",
					start, end);
	*ret_start = start;
	*ret_end = end;
	return 0;
}

static int mprotect_start(void *opaque, const struct smudge_source_range *range,
			  struct smudge_error *err)
{
	struct mprotect *m = opaque;
	uint64_t start = 0, end = 0;
	int ret = get_range(range, &start, &end, err);

	if (ret < 0)
		return ret;
	m->space = smi_sys_space_id();
	ret = smi_sys_protections_claim(&m->claim, SMI_SYS_PROTECTOR_SOURCE,
					start, end);
	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					ret == -EBUSY
						? "pages of the range still "
						  "come in: a pager or a lazy "
						  "restore has it"
						: "out of memory");
	ret = new_area(m, start, end, err);
	if (ret < 0)
		smi_sys_protections_release(&m->claim);
	return ret;
}

/* After a cut within a page of hugetlbfs the area ends behind the range. */
static int mprotect_grow(void *opaque, const struct smudge_source_range *range,
			 struct smudge_error *err)
{
	struct mprotect *m = opaque;
	uint64_t start = 0, end = 0;
	int ret = get_range(range, &start, &end, err);

	if (ret < 0 || end <= smi_mprotect_area_end(m->area))
		return ret;
	ret = smi_mprotect_area_grow(m->area, end, &m->area, err);
	if (ret == 0)
		smi_sys_protections_resize(&m->claim, end);
	return ret;
}

static void mprotect_shrink(void *opaque,
			    const struct smudge_source_range *range)
{
	struct mprotect *m = opaque;

	smi_mprotect_area_cut(m->area,
			      (uintptr_t)range->hva +
				      (range->npages << range->page_shift));
	smi_sys_protections_resize(&m->claim, smi_mprotect_area_end(m->area));
}

/* An area that a handler may still use stays for ever. */
static void mprotect_stop(void *opaque)
{
	struct mprotect *m = opaque;

	if (smi_mprotect_area_close(m->area))
		free(m->area);
	m->area = NULL;
	smi_sys_protections_release(&m->claim);
}

static int settle(struct mprotect *m, struct smudge_error *err)
{
	if (!smi_sys_space_is(m->space))
		return smudge_error_set(err, -EPERM, WHERE,
					"it was started before fork(2), by the "
					"parent process");
	return smi_mprotect_area_settle(m->area, err);
}

static void report(const struct mprotect *m, struct smudge_run run,
		   struct smudge_sink *sink)
{
	smudge_sink_range(sink, run.first_page << m->area->page_shift,
			  run.npages << m->area->page_shift);
}

/* Protect and report what the batch holds. */
static int rearm(struct mprotect *m, struct smudge_sink *sink)
{
	const struct smi_mprotect_area *area = m->area;
	size_t nruns = smudge_batch_nruns(m->batch);
	int ret = 0;

	for (size_t i = 0; !ret && i < nruns; i++) {
		struct smudge_run run = smudge_batch_run(m->batch, i);
		uint64_t start =
			area->start + (run.first_page << area->page_shift);

		ret = smi_mprotect_area_protect(
			area, start, start + (run.npages << area->page_shift));
		report(m, run, sink);
	}
	smudge_batch_discard(m->batch);
	return ret;
}

static void tell(struct smi_mprotect_area *area)
{
	/* Relaxed: it is for a message. */
	if (!atomic_load_explicit(&area->is_short, memory_order_relaxed))
		return;
	atomic_store_explicit(&area->is_short, false, memory_order_relaxed);
	SMI_SYS_LOG(SMUDGE_LOG_WARNING, WHERE,
		    "the process has too many mappings (vm.max_map_count), so "
		    "more pages are made writable and reported than were "
		    "stored to");
}

/* After a failure pages may be writable that have no bit, so all get one. */
static int mprotect_harvest(void *opaque, struct smudge_sink *sink,
			    struct smudge_error *err)
{
	struct mprotect *m = opaque;
	uint64_t npages, at = 0;
	int ret = settle(m, err);

	if (ret < 0)
		return ret;
	tell(m->area);
	npages = smi_mprotect_area_npages(m->area);
	while (!ret && at < npages) {
		ret = smudge_bitmap_take(m->area->pending, at, npages - at,
					 m->batch);
		at = smudge_batch_end_page(m->batch);
		if (!ret)
			ret = rearm(m, sink);
	}
	smi_mprotect_spare_keep();
	if (ret < 0) {
		smudge_bitmap_mark_range(m->area->pending, 0, npages);
		smudge_error_set(err, ret, WHERE, "cannot protect pages: %s",
				 strerror(-ret));
	}
	return ret;
}

static int mprotect_look(void *opaque, struct smudge_sink *sink,
			 struct smudge_error *err)
{
	struct mprotect *m = opaque;
	struct smudge_run run = {0, 0};
	int ret = settle(m, err);

	while (!ret && smudge_bitmap_next_dirty(
			       m->area->pending, run.first_page + run.npages,
			       smi_mprotect_area_npages(m->area), &run))
		report(m, run, sink);
	return ret;
}

static void mprotect_destroy(void *opaque)
{
	struct mprotect *m = opaque;

	smi_mprotect_release();
	smudge_batch_destroy(m->batch);
	free(m);
}

static const struct smudge_source_ops mprotect_ops = {
	.size = sizeof(mprotect_ops),
	.name = "mprotect",
	.start = mprotect_start,
	.stop = mprotect_stop,
	.harvest = mprotect_harvest,
	.look = mprotect_look,
	.destroy = mprotect_destroy,
	.grow = mprotect_grow,
	.shrink = mprotect_shrink,
};

static int create(struct mprotect *m, struct smudge_source **ret_source,
		  struct smudge_error *err)
{
	int ret = smudge_batch_create(0, &m->batch, err);

	if (ret < 0)
		return ret;
	ret = smi_mprotect_hold(err);
	if (ret < 0)
		return ret;
	ret = smudge_source_create(&mprotect_ops, m, ret_source, err);
	if (ret < 0)
		smi_mprotect_release();
	return ret;
}

int smudge_mprotect_create(struct smudge_source **ret_source,
			   struct smudge_error *err)
{
	struct mprotect *m;
	int ret;

	smudge_error_clear(err);
#if !defined(__x86_64__) && !defined(__aarch64__)
	return smudge_error_set(
		err, -EOPNOTSUPP, WHERE,
		"how this processor tells stores from loads is not known");
#endif
	m = calloc(1, sizeof(*m));
	if (!m)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	ret = create(m, ret_source, err);
	if (ret < 0) {
		smudge_batch_destroy(m->batch);
		free(m);
	}
	return ret;
}
