/* SPDX-License-Identifier: MIT */
/*
 * What kind of memory a region is, and how its pages become absent.
 *
 * Private memory and shared memory are absent after a discard that succeeded. A
 * private mapping of a file has the file's pages then, which nothing can make
 * absent, so that the file has to be empty.
 */
#include "memory/pager_area.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/populated.h>

#include "memory/pager_bits.h"
#include "sys/guard.h"
#include "sys/maps.h"
#include "sys/uffd_missing.h"
#include "sys/uffd_rest.h"

#define WHERE "pager"

/* What is copied at once has to be in memory at once. */
#define MAX_PAGE_BYTES (UINT64_C(32) << 20)

struct kinds {
	uint64_t at; /* mapped without a hole up to here */
	bool has_private_file;
};

static int see_mapping(void *opaque, const struct smi_sys_mapping *m)
{
	struct kinds *kinds = opaque;

	if (m->start == kinds->at)
		kinds->at = m->end;
	if (m->has_file && !m->is_shared)
		kinds->has_private_file = true;
	return 0;
}

static int find_kind(struct smi_pager_area *area, struct smudge_error *err)
{
	struct kinds kinds = {.at = area->start};
	int ret =
		smi_sys_maps_each(area->start, area->end, see_mapping, &kinds);

	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					"cannot read /proc/self/maps: %s",
					strerror(-ret));
	if (kinds.at != area->end)
		return smudge_error_set(err, -EINVAL, WHERE,
					"region %s is not mapped throughout",
					area->region->name);
	area->is_private_file = kinds.has_private_file;
	return 0;
}

static int check_region(const struct smi_pager_area *area,
			struct smudge_error *err)
{
	uint64_t host_bytes = (uint64_t)sysconf(_SC_PAGESIZE);

	if (!area->region->hva)
		return smudge_error_set(err, -EOPNOTSUPP, WHERE,
					"region %s is not memory of this "
					"process",
					area->region->name);
	if (area->start % host_bytes || area->end % host_bytes)
		return smudge_error_set(err, -EINVAL, WHERE,
					"region %s divides a page of the host",
					area->region->name);
	return 0;
}

static int claim(struct smi_pager_area *area, struct smudge_error *err)
{
	int ret = smi_sys_protections_claim(
		&area->claim, SMI_SYS_PROTECTOR_PAGER, area->start, area->end);

	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					ret == -EBUSY
						? "an mprotect source tracks "
						  "region %s, and would make "
						  "accessible what must not be"
						: "no memory for region %s",
					area->region->name);
	return 0;
}

int smi_pager_area_prepare(struct smi_pager_area *area,
			   struct smudge_error *err)
{
	const struct smudge_region *region = area->region;
	int ret;

	area->start = (uintptr_t)region->hva;
	area->end =
		area->start + (smi_region_npages(region) << region->page_shift);
	ret = check_region(area, err);
	if (ret == 0)
		ret = find_kind(area, err);
	if (ret == 0)
		ret = claim(area, err);
	if (ret == 0)
		ret = smi_sys_uffd_use_open(&area->use, SMI_SYS_UFFD_MISSING,
					    err);
	return ret;
}

static int not_empty(const struct smi_pager_area *area, const char *why,
		     struct smudge_error *err)
{
	return smudge_error_set(err, -ENOTEMPTY, WHERE,
				"the pages of region %.60s cannot be made "
				"absent: %.120s",
				area->region->name, why);
}

static int drop_content(struct smi_pager_area *area, struct smudge_error *err)
{
	struct smudge_region *region = area->region;
	uint64_t npages = smi_region_npages(region);
	struct smudge_error own = SMUDGE_ERROR_INIT;
	struct smudge_run run;
	int ret = smudge_region_next_populated(region, 0, npages, &run, err);

	if (ret <= 0)
		return ret;
	if (smudge_region_discard(region, 0, npages, -1, &own) < 0)
		return not_empty(area, own.message, err);
	if (!area->is_private_file)
		return 0;
	ret = smudge_region_next_populated(region, 0, npages, &run, err);
	return ret > 0 ? not_empty(area,
				   "they are those of a file that is mapped "
				   "private",
				   err)
		       : ret;
}

static int find_page_bytes(struct smi_pager_area *area,
			   struct smudge_error *err)
{
	int ret = smi_sys_uffd_use_page_bytes(&area->use, &area->page_bytes);

	if (ret == -EINVAL)
		return smudge_error_set(err, -EOPNOTSUPP, WHERE,
					"region %s has pages of several sizes",
					area->region->name);
	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					"cannot find the page size of region "
					"%s: %s",
					area->region->name, strerror(-ret));
	if (area->page_bytes > MAX_PAGE_BYTES)
		return smudge_error_set(
			err, -EOPNOTSUPP, WHERE,
			"region %s has huge pages of %llu MiB, and each is "
			"brought whole: at most %llu MiB",
			area->region->name,
			(unsigned long long)(area->page_bytes >> 20),
			(unsigned long long)(MAX_PAGE_BYTES >> 20));
	area->npages = (area->end - area->start) / area->page_bytes;
	return 0;
}

/* A child would find zeros, and put them where pages are shared. */
static int keep_from_children(const struct smi_pager_area *area,
			      struct smudge_error *err)
{
	int ret = 0;

	if (madvise((void *)(uintptr_t)area->start, area->end - area->start,
		    MADV_DONTFORK) < 0)
		ret = -errno;
	if (ret < 0)
		smudge_error_set(err, ret == -ENOMEM ? ret : -EINVAL, WHERE,
				 "MADV_DONTFORK of region %s fails: %s",
				 area->region->name, strerror(-ret));
	return ret < 0 && ret != -ENOMEM ? -EINVAL : ret;
}

/*
 * Who read before it was registered has put zeros there. If they stay, that is
 * noticed as the page is to come in.
 */
static void drop_again(struct smi_pager_area *area)
{
	(void)!smudge_region_discard(area->region, 0,
				     smi_region_npages(area->region), -1, NULL);
}

int smi_pager_area_open(struct smi_pager_area *area, struct smudge_error *err)
{
	int ret = drop_content(area, err);

	if (ret < 0)
		return ret;
	smi_sys_uffd_rest_forget(area->start, area->end);
	ret = smi_sys_uffd_use_register(&area->use, area->start, area->end,
					err);
	if (ret == 0)
		ret = find_page_bytes(area, err);
	if (ret < 0)
		return ret;
	drop_again(area);
	area->is_whole = true;
	if (smi_pager_bits_create(area) < 0)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for the pages of region %s",
					area->region->name);
	return keep_from_children(area, err);
}

void smi_pager_area_close(struct smi_pager_area *area, bool keeps)
{
	if (area->is_whole)
		(void)madvise((void *)(uintptr_t)area->start,
			      area->end - area->start, MADV_DOFORK);
	if (area->is_whole && keeps)
		smi_sys_uffd_rest_keep(&area->use, area->page_bytes,
				       area->is_private_file ? NULL
							     : &area->brought);
	smi_sys_uffd_use_close(&area->use);
	smi_sys_protections_release(&area->claim);
	smi_pager_bits_free(area);
}

static void set_area(struct smudge_region *region, struct smi_pager_area *area)
{
	SMI_SYS_GUARD(&region->memory->populated.lock);

	/* Relaxed: who looks without the lock looks again under it. */
	atomic_store_explicit(&region->pager_area, area, memory_order_relaxed);
}

void smi_pager_area_publish(struct smi_pager_area *area)
{
	set_area(area->region, area);
}

void smi_pager_area_withdraw(struct smi_pager_area *area)
{
	set_area(area->region, NULL);
}
