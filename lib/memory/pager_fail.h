/* SPDX-License-Identifier: MIT */
/*
 * A pager that cannot bring its pages any more.
 */
#ifndef LIB_MEMORY_PAGER_FAIL_H
#define LIB_MEMORY_PAGER_FAIL_H

#include "memory/pager_objects.h"

/* As smudge_pager_fail; @why has its code too. */
void smi_pager_fail(struct smudge_pager *pager, const struct smudge_error *why,
		    bool calls_failed);

/* Has it failed? Then wait until what was missing is inaccessible. */
bool smi_pager_has_failed(struct smudge_pager *pager);

/*
 * After a failure a page that was missing is waited for: its protection was
 * changed since, as the mprotect source does. Take the access away again.
 */
void smi_pager_forbid_again(const struct smi_pager_area *area, uint64_t page);

#endif
