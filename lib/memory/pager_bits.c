/* SPDX-License-Identifier: MIT */
/*
 * Two bits per page, and how many bytes are in each state.
 */
#include "memory/pager_bits.h"

#include <errno.h>
#include <stdlib.h>

#include "common/range.h"
#include "sys/guard.h"

int smi_pager_bits_create(struct smi_pager_area *area)
{
	size_t nwords = (size_t)(area->npages / 64 + 1);

	area->brought = calloc(nwords, sizeof(*area->brought));
	area->zeros = calloc(nwords, sizeof(*area->zeros));
	for (size_t i = 0; i < SMI_PAGER_LOCKS; i++)
		pthread_mutex_init(&area->locks[i], NULL);
	return area->brought && area->zeros ? 0 : -ENOMEM;
}

void smi_pager_bits_free(struct smi_pager_area *area)
{
	free((void *)area->brought);
	free((void *)area->zeros);
}

enum smi_pager_state smi_pager_state(const struct smi_pager_area *area,
				     uint64_t page)
{
	if (smi_pager_bit(area->brought, page))
		return SMI_PAGER_BROUGHT;
	return smi_pager_bit(area->zeros, page) ? SMI_PAGER_ZEROS
						: SMI_PAGER_MISSING;
}

/* Relaxed: the caller looks at the pages of the run one by one, or locks. */
static uint64_t word_of(const _Atomic uint64_t *bits, uint64_t page)
{
	return atomic_load_explicit(&bits[page / 64], memory_order_relaxed);
}

/* Are the 64 pages from @page on all in this state? */
static bool is_word(const struct smi_pager_area *area, uint64_t page,
		    enum smi_pager_state state)
{
	uint64_t brought = word_of(area->brought, page);

	if (state == SMI_PAGER_BROUGHT)
		return brought == UINT64_MAX;
	return !brought && word_of(area->zeros, page) ==
				   (state == SMI_PAGER_ZEROS ? UINT64_MAX : 0);
}

uint64_t smi_pager_run_end(const struct smi_pager_area *area, uint64_t page,
			   uint64_t end)
{
	enum smi_pager_state state = smi_pager_state(area, page);

	while (page < end) {
		if (page % 64 == 0 && end - page >= 64 &&
		    is_word(area, page, state))
			page += 64;
		else if (smi_pager_state(area, page) == state)
			page++;
		else
			break;
	}
	return page;
}

/* Relaxed: statistics, and a number that is right when nothing changes. */
static void sub(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_sub_explicit(counter, n, memory_order_relaxed);
}

void smi_pager_bring_bits(struct smi_pager_area *area, uint64_t page,
			  uint64_t end)
{
	struct smi_pager_counters *counters = &area->pager->counters;

	for (; page < end; page++) {
		enum smi_pager_state state = smi_pager_state(area, page);

		if (state == SMI_PAGER_BROUGHT)
			continue;
		smi_pager_set(area->brought, page);
		sub(state == SMI_PAGER_ZEROS ? &counters->zero_bytes
					     : &counters->missing_bytes,
		    area->page_bytes);
	}
}

static uint64_t block_end(uint64_t page, uint64_t end)
{
	return min_u64(end, (page / SMI_PAGER_BLOCK_PAGES + 1) *
				    SMI_PAGER_BLOCK_PAGES);
}

static uint64_t zero_block(struct smi_pager_area *area, uint64_t page,
			   uint64_t end)
{
	SMI_SYS_GUARD(smi_pager_lock(area, page));
	struct smi_pager_counters *counters = &area->pager->counters;
	uint64_t n = 0;

	for (; page < end; page++) {
		if (smi_pager_state(area, page) != SMI_PAGER_MISSING)
			continue;
		smi_pager_set(area->zeros, page);
		n++;
	}
	smi_add(&counters->zero_bytes, n * area->page_bytes);
	sub(&counters->missing_bytes, n * area->page_bytes);
	return n;
}

uint64_t smi_pager_zero_bits(struct smi_pager_area *area, uint64_t page,
			     uint64_t end)
{
	uint64_t n = 0;

	for (uint64_t next; page < end; page = next) {
		next = block_end(page, end);
		n += zero_block(area, page, next);
	}
	return n;
}

static uint64_t drop_block(struct smi_pager_area *area, uint64_t page,
			   uint64_t end)
{
	SMI_SYS_GUARD(smi_pager_lock(area, page));
	uint64_t n = 0;

	for (; page < end; page++) {
		n += smi_pager_state(area, page) != SMI_PAGER_BROUGHT;
		smi_pager_bring_bits(area, page, page + 1);
	}
	return n;
}

void smi_pager_drop_bits(struct smi_pager_area *area, uint64_t page,
			 uint64_t end)
{
	for (uint64_t next; page < end; page = next) {
		next = block_end(page, end);
		smi_add(&area->pager->counters.dropped_bytes,
			drop_block(area, page, next) * area->page_bytes);
	}
}
