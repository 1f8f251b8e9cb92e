/* SPDX-License-Identifier: MIT */
/*
 * What is not brought becomes inaccessible, then those who wait are woken.
 *
 * mprotect(2) excludes page faults. A fault that began before it is queued by
 * the time it returns, so the wake-up that follows reaches it; one that begins
 * later finds no access. Pages are not installed meanwhile.
 */
#include "memory/pager_fail.h"

#include <errno.h>
#include <sys/mman.h>

#include "memory/pager_bits.h"
#include "sys/guard.h"
#include "sys/log.h"

#define WHERE "pager"

/* Each run may be a mapping more, and a process has 65530 usually. */
#define MAX_RUNS 1024

static int forbid(const struct smi_pager_area *area, uint64_t page,
		  uint64_t end)
{
	void *at = (void *)(uintptr_t)(area->start + page * area->page_bytes);

	return mprotect(at, (end - page) * area->page_bytes, PROT_NONE) < 0
		       ? -errno
		       : 0;
}

/* The end of the run of pages that are not brought; more are dropped. */
static uint64_t end_of_absent(const struct smi_pager_area *area, uint64_t page)
{
	while (page < area->npages && !smi_pager_bit(area->brought, page))
		page = smi_pager_run_end(area, page, area->npages);
	return page;
}

/* No install is under way any more, and none begins: what is brought is. */
static void freeze(struct smi_pager_area *area)
{
	for (size_t i = 0; i < SMI_PAGER_LOCKS; i++) {
		pthread_mutex_lock(&area->locks[i]);
		pthread_mutex_unlock(&area->locks[i]);
	}
}

static int forbid_runs(const struct smi_pager_area *area)
{
	unsigned int nruns = 0;
	uint64_t page = 0;
	int ret = 0;

	while (ret == 0 && page < area->npages) {
		if (smi_pager_bit(area->brought, page)) {
			page = smi_pager_run_end(area, page, area->npages);
			continue;
		}
		if (++nruns > MAX_RUNS)
			return forbid(area, page, area->npages);
		ret = forbid(area, page, end_of_absent(area, page));
		if (ret == 0)
			page = end_of_absent(area, page);
	}
	/* No more mappings: with one for all there is one less to have. */
	return ret < 0 ? forbid(area, 0, area->npages) : 0;
}

static void forbid_area(const struct smi_pager_area *area)
{
	int ret = forbid_runs(area);

	if (ret < 0)
		SMI_SYS_LOG(SMUDGE_LOG_WARNING, WHERE,
			    "missing pages of region %s cannot be made "
			    "inaccessible: who comes to one waits for ever",
			    area->region->name);
	else
		smi_sys_uffd_wake(area->use.fd, area->start,
				  area->end - area->start);
}

/* Return: is it the first failure? */
static bool fail(struct smudge_pager *pager, const struct smudge_error *why)
{
	SMI_SYS_GUARD(&pager->fail_lock);
	/* Relaxed: the lock orders it. */
	if (atomic_load_explicit(&pager->failure, memory_order_relaxed))
		return false;
	pager->why = *why;
	/* First, for those that find a page inaccessible. Relaxed: as above. */
	atomic_store_explicit(&pager->failure, why->code, memory_order_relaxed);
	for (size_t i = 0; i < pager->nareas; i++) {
		freeze(&pager->areas[i]);
		forbid_area(&pager->areas[i]);
	}
	return true;
}

void smi_pager_fail(struct smudge_pager *pager, const struct smudge_error *why,
		    bool calls_failed)
{
	if (fail(pager, why) && calls_failed && pager->options.failed)
		pager->options.failed(pager->options.opaque, why);
}

bool smi_pager_has_failed(struct smudge_pager *pager)
{
	/* Relaxed: most of the time it has not; then the lock orders it. */
	if (!atomic_load_explicit(&pager->failure, memory_order_relaxed))
		return false;
	SMI_SYS_GUARD(&pager->fail_lock);
	return true;
}

void smi_pager_forbid_again(const struct smi_pager_area *area, uint64_t page)
{
	if (forbid(area, page, page + 1) < 0)
		(void)forbid(area, 0, area->npages);
}
