/* SPDX-License-Identifier: MIT */
/*
 * Which pages of a region hold something? sys/populated.h asks the kernel, by
 * addresses; here these become pages of the region, rounded outwards.
 *
 * Nothing is remembered of the answer: a page may be populated at any time. But
 * where this process may have no userfaultfd, what is registered with one is
 * dear to look up, so it is looked up once per harvest or look.
 */
#include "memory/populated.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include <smudge/populated.h>

#include "common/range.h"
#include "memory/pager_region.h"
#include "memory/space.h"
#include "sys/error.h"
#include "sys/guard.h"

void smi_populated_close(struct smudge_memory *memory)
{
	if (memory->populated.is_open)
		smi_sys_populated_close(&memory->populated.now);
	pthread_mutex_destroy(&memory->populated.lock);
}

void smi_populated_rest(struct smudge_memory *memory)
{
	SMI_SYS_GUARD(&memory->populated.lock);
	if (!memory->populated.is_open)
		return;
	smi_sys_populated_close(&memory->populated.now);
	memory->populated.is_open = false;
}

void smi_populated_forget(struct smudge_memory *memory)
{
	SMI_SYS_GUARD(&memory->populated.lock);
	if (memory->populated.is_open)
		smi_sys_content_close(&memory->populated.now.content);
}

/* populated->lock held. */
static int prepare(struct smudge_memory *memory, struct smudge_error *err)
{
	struct smi_populated *populated = &memory->populated;
	/* Relaxed: the caller's own harvest is before it. */
	uint64_t generation =
		atomic_load_explicit(&memory->generation, memory_order_relaxed);

	if (populated->is_open && populated->awaited_as_of == generation)
		return 0;
	if (!populated->is_open && smi_sys_populated_open(&populated->now) < 0)
		return smudge_error_set(err, -ENOMEM, "region",
					"no memory to ask what is populated");
	populated->is_open = true;
	smi_sys_awaited_list(&populated->now.awaited);
	populated->awaited_as_of = generation;
	return 0;
}

/* populated->lock held, and it is prepared. */
static bool next_of_addresses(struct smudge_region *region, uint64_t start,
			      uint64_t end, struct smi_sys_page_run *ret_run)
{
	if (smi_pager_has(region))
		return smi_pager_next_populated(region, start, end, ret_run);
	return smi_sys_populated_next(&region->memory->populated.now, start,
				      end, ret_run);
}

/* As smudge_region_next_populated, for a range that is not empty. */
static int next_of_hva(struct smudge_region *region, uint64_t first_page,
		       uint64_t end_page, struct smudge_run *ret_run,
		       struct smudge_error *err)
{
	uint64_t page_mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
	unsigned int shift = region->page_shift;
	uint64_t hva = (uintptr_t)region->hva;
	uint64_t start = hva + (first_page << shift);
	uint64_t end = hva + (end_page << shift);
	struct smi_sys_page_run run;
	int ret;

	SMI_SYS_GUARD(&region->memory->populated.lock);
	ret = prepare(region->memory, err);
	if (ret < 0)
		return ret;
	/* Pages of the host may be larger. */
	if (!next_of_addresses(region, start & ~page_mask,
			       (end + page_mask) & ~page_mask, &run))
		return 0;
	start = max_u64(start, run.start) - hva;
	end = min_u64(end, run.end) - hva;
	ret_run->first_page = start >> shift;
	ret_run->npages = ((end + (UINT64_C(1) << shift) - 1) >> shift) -
			  (start >> shift);
	return 1;
}

/* Only the owner of that memory knows. */
static int next_of_owner(struct smudge_region *region, uint64_t first_page,
			 uint64_t end_page, struct smudge_run *ret_run)
{
	if (region->next_populated &&
	    !region->next_populated(region->read_opaque, &first_page,
				    &end_page))
		return 0;
	*ret_run = (struct smudge_run){first_page, end_page - first_page};
	return 1;
}

int smudge_region_next_populated(struct smudge_region *region,
				 uint64_t first_page, uint64_t end_page,
				 struct smudge_run *ret_run,
				 struct smudge_error *err)
{
	int ret;

	smudge_error_clear(err);
	ret = smi_memory_check_space(region->memory, err);
	if (ret < 0)
		return ret;
	if (first_page > end_page || end_page > smi_region_npages(region))
		return smudge_error_set(err, -EINVAL, "region",
					"pages %" PRIu64 " to %" PRIu64
					" are not in region %s of %" PRIu64
					" pages",
					first_page, end_page, region->name,
					smi_region_npages(region));
	if (first_page == end_page)
		return 0;
	if (region->hva)
		return next_of_hva(region, first_page, end_page, ret_run, err);
	return next_of_owner(region, first_page, end_page, ret_run);
}
