/* SPDX-License-Identifier: MIT */
/*
 * What is known of the pages of a pager's area.
 */
#ifndef LIB_MEMORY_PAGER_BITS_H
#define LIB_MEMORY_PAGER_BITS_H

#include "memory/pager_objects.h"

enum smi_pager_state {
	SMI_PAGER_MISSING,
	SMI_PAGER_ZEROS,
	SMI_PAGER_BROUGHT,
};

/* Return: 0, -ENOMEM; freed by smi_pager_bits_free also then. */
int smi_pager_bits_create(struct smi_pager_area *area);
void smi_pager_bits_free(struct smi_pager_area *area);

enum smi_pager_state smi_pager_state(const struct smi_pager_area *area,
				     uint64_t page);

/* The end of the run of pages from @page on, before @end, that are alike. */
uint64_t smi_pager_run_end(const struct smi_pager_area *area, uint64_t page,
			   uint64_t end);

/* Pages are brought, or dropped. Their block's lock is held. */
void smi_pager_bring_bits(struct smi_pager_area *area, uint64_t page,
			  uint64_t end);

/* Missing pages are zeros. Return: how many. */
uint64_t smi_pager_zero_bits(struct smi_pager_area *area, uint64_t page,
			     uint64_t end);

/* Pages, of this size, are dropped. */
void smi_pager_drop_bits(struct smi_pager_area *area, uint64_t page,
			 uint64_t end);

#endif
