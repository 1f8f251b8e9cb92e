/* SPDX-License-Identifier: MIT */
/*
 * Discards of pages that may be missing, and which pages hold something.
 */
#include "memory/pager_region.h"

#include "common/range.h"
#include "memory/pager_bits.h"
#include "sys/guard.h"

static struct smi_pager_area *area_of(const struct smudge_region *region)
{
	/* Relaxed: the lock orders it. */
	return atomic_load_explicit(&region->pager_area, memory_order_relaxed);
}

/*
 * Of a huge page that is discarded in part the kernel drops nothing, or makes
 * zeros of that part, if the page is there. So it has to come in before, or all
 * of it would come in afterwards. Return: its address, or 0.
 */
static uint64_t find_part(struct smudge_region *region, uint64_t at)
{
	SMI_SYS_GUARD(&region->memory->populated.lock);
	const struct smi_pager_area *area = area_of(region);
	uint64_t page;

	if (!area || at % area->page_bytes == 0)
		return 0;
	page = (at - area->start) / area->page_bytes;
	return smi_pager_state(area, page) == SMI_PAGER_MISSING
		       ? area->start + page * area->page_bytes
		       : 0;
}

/* With no lock held. */
static void bring_part(struct smudge_region *region, uint64_t at)
{
	uint64_t page = find_part(region, at);

	if (page)
		(void)*(const volatile uint8_t *)(uintptr_t)page;
}

void smi_pager_dropped(struct smudge_region *region, uint64_t first_page,
		       uint64_t npages)
{
	const struct smi_pager_area *area;
	uint64_t start, end;

	if (!smi_pager_has(region))
		return;
	start = first_page << region->page_shift;
	bring_part(region, (uintptr_t)region->hva + start);
	bring_part(region, (uintptr_t)region->hva + start +
				   (npages << region->page_shift));
	SMI_SYS_GUARD(&region->memory->populated.lock);
	area = area_of(region);
	if (!area)
		return;
	end = start + (npages << region->page_shift);
	smi_pager_drop_bits(area_of(region),
			    (start + area->page_bytes - 1) / area->page_bytes,
			    end / area->page_bytes);
}

/* In [*start, *end), pages that are alike; what is absent has no memory. */
static bool next_of_run(struct smudge_region *region,
			enum smi_pager_state state, uint64_t start,
			uint64_t end, struct smi_sys_page_run *ret_run)
{
	if (state == SMI_PAGER_BROUGHT)
		return smi_sys_populated_next_brought(
			&region->memory->populated.now, start, end, ret_run);
	*ret_run = (struct smi_sys_page_run){start, end, 0};
	return state == SMI_PAGER_MISSING;
}

bool smi_pager_next_populated(struct smudge_region *region, uint64_t start,
			      uint64_t end, struct smi_sys_page_run *ret_run)
{
	const struct smi_pager_area *area = area_of(region);
	uint64_t last =
		(end - area->start + area->page_bytes - 1) / area->page_bytes;
	uint64_t page = (start - area->start) / area->page_bytes;

	for (uint64_t next; page < last; page = next) {
		enum smi_pager_state state = smi_pager_state(area, page);
		uint64_t from = area->start + page * area->page_bytes;

		next = smi_pager_run_end(area, page, last);
		/* It changed just now. */
		if (next == page)
			next++;
		if (next_of_run(
			    region, state, max_u64(start, from),
			    min_u64(end, area->start + next * area->page_bytes),
			    ret_run))
			return true;
	}
	return false;
}
