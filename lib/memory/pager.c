/* SPDX-License-Identifier: MIT */
/*
 * The public calls of a pager.
 */
#include <smudge/pager.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/range.h"
#include "memory/pager_area.h"
#include "memory/pager_bits.h"
#include "memory/pager_fail.h"
#include "memory/pager_install.h"
#include "memory/pager_serve.h"
#include "memory/space.h"
#include "sys/guard.h"
#include "sys/log.h"
#include "sys/options.h"
#include "sys/uffd_rest.h"
#include "sys/uffd_zeros.h"

#define WHERE "pager"

#define USUAL_THREADS 2

static int check_options(const struct smudge_pager_options *o,
			 struct smudge_error *err)
{
	if (!o->nregions || !o->regions || !o->bring)
		return smudge_error_set(err, -EINVAL, WHERE,
					"a pager needs regions and a bring");
	if (o->nthreads > SMI_PAGER_MAX_THREADS)
		return smudge_error_set(err, -EINVAL, WHERE,
					"%u threads are more than %u",
					o->nthreads, SMI_PAGER_MAX_THREADS);
	return 0;
}

static int create(struct smudge_memory *memory,
		  const struct smudge_pager_options *options,
		  struct smudge_pager **ret_pager, struct smudge_error *err)
{
	struct smudge_pager *pager;

	pager = calloc(1, sizeof(*pager) +
				  options->nregions * sizeof(pager->areas[0]));
	if (!pager)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for a pager");
	pager->memory = memory;
	pager->options = *options;
	if (!pager->options.nthreads)
		pager->options.nthreads = USUAL_THREADS;
	pager->end = -1;
	pager->nareas = options->nregions;
	pthread_mutex_init(&pager->fail_lock, NULL);
	pthread_mutex_init(&pager->gate, NULL);
	for (size_t i = 0; i < pager->nareas; i++) {
		pager->areas[i].pager = pager;
		pager->areas[i].index = i;
		pager->areas[i].region = options->regions[i];
		smudge_region_hold(options->regions[i]);
	}
	pager->options.regions = NULL; /* the caller's */
	*ret_pager = pager;
	return 0;
}

static int claim(struct smudge_pager *pager, struct smudge_error *err)
{
	struct smi_sys_uffd_use *use = &pager->areas[0].use;

	if (smi_sys_uffd_use_claim(use) < 0)
		return smudge_error_set(err, -EBUSY, WHERE,
					"another pager or lazy restore of this "
					"process is under way");
	if (pager->options.kernel_faults && !use->takes_kernel_faults)
		return smudge_error_set(
			err, -EPERM, WHERE,
			"this process may not let the kernel wait for missing "
			"pages: that takes CAP_SYS_PTRACE, read and write "
			"access to /dev/userfaultfd (Linux 6.1), or the sysctl "
			"vm.unprivileged_userfaultfd=1");
	return 0;
}

static int prepare(struct smudge_pager *pager, struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < pager->nareas; i++)
		ret = smi_pager_area_prepare(&pager->areas[i], err);
	return ret < 0 ? ret : claim(pager, err);
}

static int open_areas(struct smudge_pager *pager, struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < pager->nareas; i++) {
		struct smi_pager_area *area = &pager->areas[i];

		ret = smi_pager_area_open(area, err);
		pager->total_bytes += area->end - area->start;
		pager->zeros_bytes =
			max_u64(pager->zeros_bytes, area->page_bytes);
	}
	/* Relaxed: no thread runs yet. */
	atomic_store_explicit(&pager->counters.missing_bytes,
			      pager->total_bytes, memory_order_relaxed);
	if (ret == 0) {
		pager->zeros = smi_sys_uffd_zeros_map(pager->zeros_bytes);
		if (!pager->zeros)
			ret = smudge_error_set(err, -ENOMEM, WHERE,
					       "no memory for a page of zeros");
	}
	return ret;
}

static void publish(struct smudge_pager *pager)
{
	for (size_t i = 0; i < pager->nareas; i++) {
		struct smi_pager_area *area = &pager->areas[i];

		smi_pager_area_publish(area);
		smudge_region_mark(area->region, 0,
				   smi_region_npages(area->region));
	}
}

/* @keeps: it has been used. */
static void destroy(struct smudge_pager *pager, bool keeps)
{
	for (size_t i = 0; i < pager->nareas; i++)
		smi_pager_area_withdraw(&pager->areas[i]);
	smi_pager_stop(pager);
	for (size_t i = 0; i < pager->nareas; i++)
		smi_pager_area_close(&pager->areas[i], keeps);
	for (size_t i = 0; i < pager->nareas; i++)
		smudge_region_release(pager->areas[i].region);
	smi_sys_uffd_zeros_unmap(pager->zeros, pager->zeros_bytes);
	pthread_mutex_destroy(&pager->fail_lock);
	pthread_mutex_destroy(&pager->gate);
	free(pager);
	smi_sys_uffd_rest_read();
}

int smudge_pager_create(struct smudge_memory *memory,
			const struct smudge_pager_options *options,
			struct smudge_pager **ret_pager,
			struct smudge_error *err)
{
	struct smudge_pager_options o;
	struct smudge_pager *pager = NULL;
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	ret = smi_sys_options_copy(&o, options,
				   SMI_SYS_SHAPE(smudge_pager_options, opaque),
				   WHERE, err);
	if (ret == 0)
		ret = smi_memory_check_space(memory, err);
	if (ret == 0)
		ret = check_options(&o, err);
	if (ret == 0)
		ret = create(memory, &o, &pager, err);
	if (ret < 0)
		return ret;
	ret = prepare(pager, err);
	if (ret == 0)
		ret = open_areas(pager, err);
	if (ret == 0)
		ret = smi_pager_start(pager, err);
	if (ret < 0) {
		destroy(pager, false);
		return ret;
	}
	publish(pager);
	/* Before the first bring. */
	*ret_pager = pager;
	smi_pager_serve(pager);
	return 0;
}

size_t smudge_pager_page_bytes(const struct smudge_pager *pager, size_t region)
{
	return region < pager->nareas ? pager->areas[region].page_bytes : 0;
}

/* The pages of a range in bytes; false: it is not of whole pages. */
static bool get_pages(const struct smudge_pager *pager, size_t region,
		      uint64_t offset_bytes, uint64_t length_bytes,
		      uint64_t *ret_page, uint64_t *ret_end)
{
	const struct smi_pager_area *area;

	if (region >= pager->nareas)
		return false;
	area = &pager->areas[region];
	if (offset_bytes % area->page_bytes || length_bytes % area->page_bytes)
		return false;
	*ret_page = offset_bytes / area->page_bytes;
	*ret_end = range_end(*ret_page, length_bytes / area->page_bytes);
	return *ret_end <= area->npages;
}

int smudge_pager_install(struct smudge_pager *pager, size_t region,
			 uint64_t offset_bytes, size_t length_bytes,
			 const void *bytes, uint64_t *ret_bytes,
			 struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	uint64_t page, end, n = 0;
	int ret;

	smudge_error_clear(err);
	if (!get_pages(pager, region, offset_bytes, length_bytes, &page, &end))
		return smudge_error_set(err, -EINVAL, WHERE,
					"%zu bytes from 0x%" PRIx64
					" on are no whole pages of region %zu",
					length_bytes, offset_bytes, region);
	ret = smi_pager_install(&pager->areas[region], page, end, bytes, &n,
				&own);
	if (ret_bytes)
		*ret_bytes = n * pager->areas[region].page_bytes;
	if (ret == -EPERM && !smi_sys_uffd_use_is_alive(&pager->areas[0].use))
		return smudge_error_set(err, ret, WHERE, "%s", own.message);
	if (ret < 0) {
		if (err)
			*err = own;
		smi_pager_fail(pager, &own, true);
	}
	return ret;
}

uint64_t smudge_pager_know_zeros(struct smudge_pager *pager, size_t region,
				 uint64_t offset_bytes, uint64_t length_bytes)
{
	uint64_t page, end;

	if (!get_pages(pager, region, offset_bytes, length_bytes, &page, &end))
		return 0;
	return smi_pager_zero_bits(&pager->areas[region], page, end) *
	       pager->areas[region].page_bytes;
}

bool smudge_pager_next_missing(const struct smudge_pager *pager, size_t region,
			       uint64_t *start_bytes, uint64_t *end_bytes)
{
	const struct smi_pager_area *area;
	uint64_t page, end, next;

	if (region >= pager->nareas)
		return false;
	area = &pager->areas[region];
	page = *start_bytes / area->page_bytes;
	end = min_u64(area->npages, *end_bytes / area->page_bytes);
	for (; page < end; page = next) {
		bool is_missing =
			smi_pager_state(area, page) == SMI_PAGER_MISSING;

		/* At least one: it may change just now. */
		next = max_u64(page + 1, smi_pager_run_end(area, page, end));
		if (!is_missing)
			continue;
		*start_bytes = page * area->page_bytes;
		*end_bytes = next * area->page_bytes;
		return true;
	}
	return false;
}

void smudge_pager_fail(struct smudge_pager *pager, int code,
		       const char *sentence)
{
	struct smudge_error why = SMUDGE_ERROR_INIT;

	SMI_SYS_LOG_SCOPE();
	smudge_error_set(&why, code < 0 ? code : -EIO, WHERE, "%s",
			 sentence ? sentence : "the pager was ended");
	smi_pager_fail(pager, &why, sentence);
}

int smudge_pager_failure(struct smudge_pager *pager, struct smudge_error *err)
{
	int ret;

	smudge_error_clear(err);
	/* Relaxed: what follows it is not read without the lock. */
	ret = atomic_load_explicit(&pager->failure, memory_order_relaxed);
	if (ret == 0 || !err)
		return ret;
	SMI_SYS_GUARD(&pager->fail_lock);
	*err = pager->why;
	return ret;
}

/* Relaxed: statistics. */
static uint64_t count(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

int smudge_pager_stats(struct smudge_pager *pager,
		       struct smudge_pager_stats *stats)
{
	const struct smi_pager_counters *c = &pager->counters;
	const struct smudge_pager_stats own = {
		.total_bytes = pager->total_bytes,
		.missing_bytes = count(&c->missing_bytes),
		.zero_bytes = count(&c->zero_bytes),
		.dropped_bytes = count(&c->dropped_bytes),
		.faults = count(&c->faults),
		.zero_faults = count(&c->zero_faults),
		.last_fault_ns = count(&c->last_fault_ns),
		.longest_fault_ns = count(&c->longest_fault_ns),
		.total_fault_ns = count(&c->total_fault_ns),
		.failure = smudge_pager_failure(pager, NULL),
		.is_waited = smi_pager_is_waited(pager),
	};

	return smi_sys_stats_copy(stats, &own,
				  SMI_SYS_SHAPE(smudge_pager_stats, is_waited));
}

/* What was brought is counted a little later: the bits know. */
static bool has_missing(const struct smudge_pager *pager)
{
	for (size_t i = 0; i < pager->nareas; i++) {
		uint64_t start = 0, end = UINT64_MAX;

		if (smudge_pager_next_missing(pager, i, &start, &end))
			return true;
	}
	return false;
}

int smudge_pager_destroy(struct smudge_pager *pager)
{
	SMI_SYS_LOG_SCOPE();
	if (!pager)
		return 0;
	if (smi_memory_check_space(pager->memory, NULL) < 0)
		return -EPERM;
	if (has_missing(pager))
		smudge_pager_fail(pager, -ECANCELED, NULL);
	destroy(pager, true);
	return 0;
}
