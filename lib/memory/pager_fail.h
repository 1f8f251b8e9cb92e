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

#endif
