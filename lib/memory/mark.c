/* SPDX-License-Identifier: MIT */
/*
 * Marks: the program wrote pages of a region, or guest physical memory.
 *
 * A mark goes into every view's bitmap (bitmap/mark.h). It takes no lock: it
 * finds the regions and their views in an RCU section.
 */
#include "memory/table.h"

#include "common/range.h"
#include "sys/rcu.h"

void smudge_region_mark(struct smudge_region *region, uint64_t first_page,
			uint64_t npages)
{
	struct smi_sys_rcu_slot *slot = smi_sys_rcu_read_lock();

	for (struct smi_view *v = smi_region_views(region); v;
	     v = smi_view_next(v)) {
		if (npages == 1)
			smudge_bitmap_mark(v->bitmap, first_page);
		else
			smudge_bitmap_mark_range(v->bitmap, first_page, npages);
	}
	smi_sys_rcu_read_unlock(slot);
}

/*
 * The part of [gpa, last] that lies in the region, which may have shrunk since
 * it was found.
 */
static void mark_bytes(struct smudge_region *region, uint64_t gpa,
		       uint64_t last)
{
	uint64_t end = smi_region_last_gpa(region);
	uint64_t first_page, last_page;

	if (gpa < region->gpa)
		gpa = region->gpa;
	if (last > end)
		last = end;
	if (gpa > last)
		return;
	first_page = (gpa - region->gpa) >> region->page_shift;
	last_page = (last - region->gpa) >> region->page_shift;
	smudge_region_mark(region, first_page, last_page - first_page + 1);
}

void smudge_memory_mark_gpa(struct smudge_memory *memory, uint64_t gpa,
			    uint64_t length_bytes)
{
	const struct smi_region_table *table;
	struct smi_sys_rcu_slot *slot;
	uint64_t last;

	if (!length_bytes)
		return;
	last = range_last(gpa, length_bytes);
	slot = smi_sys_rcu_read_lock();
	/* Acquire pairs with the release in smi_table_publish. */
	table = atomic_load_explicit(&memory->table, memory_order_acquire);
	for (size_t i = smi_table_find(table, gpa);
	     i < table->n && table->regions[i]->gpa <= last; i++)
		mark_bytes(table->regions[i], gpa, last);
	smi_sys_rcu_read_unlock(slot);
}
