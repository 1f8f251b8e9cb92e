/* SPDX-License-Identifier: MIT */
/*
 * Which windows are kept, and how long a new one is.
 */
#include "qcow2/index.h"

#include <stdbool.h>
#include <stddef.h>

/* The first window's length, and what all but the last begin and end at. */
static uint64_t min_pages(const struct smi_qcow2_index *index)
{
	return UINT64_C(1) << (index->is_awaited ? 9 : 12);
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool has_page(const struct smi_qcow2_window *window, uint64_t page)
{
	return page >= window->first_page && page < window->end_page;
}

/* The length of a window that begins at @page. */
static uint64_t choose_npages(const struct smi_qcow2_index *index,
			      uint64_t page, uint64_t wanted)
{
	uint64_t npages = min_pages(index);

	for (size_t i = 0; i < SMI_QCOW2_INDEX_WINDOWS; i++) {
		const struct smi_qcow2_window *window = &index->windows[i];

		if (window->end_page == page && window->end_page)
			npages = 2 * (page - window->first_page);
	}
	if (npages < wanted)
		npages = wanted;
	npages = (npages + min_pages(index) - 1) & ~(min_pages(index) - 1);
	return lower(npages, SMI_QCOW2_WINDOW_MAX_PAGES);
}

/* Where the window that contains @page begins. */
static uint64_t choose_first(const struct smi_qcow2_index *index, uint64_t page)
{
	uint64_t first = page & ~(min_pages(index) - 1);

	/* Not again what another one has. */
	for (size_t i = 0; i < SMI_QCOW2_INDEX_WINDOWS; i++) {
		const struct smi_qcow2_window *window = &index->windows[i];

		if (window->end_page <= page && window->end_page > first)
			first = window->end_page;
	}
	return first;
}

static size_t oldest(const struct smi_qcow2_index *index)
{
	size_t found = 0;

	for (size_t i = 1; i < SMI_QCOW2_INDEX_WINDOWS; i++) {
		if (index->used_at[i] < index->used_at[found])
			found = i;
	}
	return found;
}

int smi_qcow2_index_find(struct smi_qcow2_index *index,
			 struct smi_qcow2_stack *stack, uint64_t page,
			 uint64_t end_page, uint64_t last_page,
			 const struct smi_qcow2_window **ret_window,
			 struct smudge_error *err)
{
	uint64_t first = choose_first(index, page);
	size_t found = 0;
	uint64_t end;
	int ret;

	index->nfinds++;
	while (found < SMI_QCOW2_INDEX_WINDOWS &&
	       !has_page(&index->windows[found], page))
		found++;
	if (found == SMI_QCOW2_INDEX_WINDOWS) {
		end = first + choose_npages(index, first, end_page - first);
		end = lower(end, last_page);
		found = oldest(index);
		smi_qcow2_window_unload(&index->windows[found]);
		ret = smi_qcow2_window_load(&index->windows[found], stack,
					    first, end, last_page, err);
		if (ret)
			return ret;
	}
	index->used_at[found] = index->nfinds;
	*ret_window = &index->windows[found];
	return 0;
}

void smi_qcow2_index_unload(struct smi_qcow2_index *index)
{
	for (size_t i = 0; i < SMI_QCOW2_INDEX_WINDOWS; i++)
		smi_qcow2_window_unload(&index->windows[i]);
}
