/* SPDX-License-Identifier: MIT */
/*
 * Bringing pages into a pager's area.
 */
#ifndef LIB_MEMORY_PAGER_INSTALL_H
#define LIB_MEMORY_PAGER_INSTALL_H

#include "memory/pager_objects.h"

/*
 * smi_pager_install - install those of some pages that are not brought yet
 * @bytes: content; NULL: zeros
 * @ret_npages: receives how many that were
 *
 * Return: 0, or as smudge_pager_install, with a sentence.
 */
int smi_pager_install(struct smi_pager_area *area, uint64_t page, uint64_t end,
		      const uint8_t *bytes, uint64_t *ret_npages,
		      struct smudge_error *err);

/*
 * A page that was brought is waited for: it was dropped since, or came while
 * its message was on the way.
 */
void smi_pager_refill(struct smi_pager_area *area, uint64_t page);

/* Who waits for the page tries again. */
void smi_pager_wake(struct smi_pager_area *area, uint64_t page);

#endif
