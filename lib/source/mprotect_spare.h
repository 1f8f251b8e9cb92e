/* SPDX-License-Identifier: MIT */
/*
 * Two mappings of the process that the handler of faults may give up when it
 * can have no more.
 */
#ifndef LIB_SOURCE_MPROTECT_SPARE_H
#define LIB_SOURCE_MPROTECT_SPARE_H

#include <stdbool.h>

/* Make room for them, once; the lock of sources held. Return: 0 or -ENOMEM. */
int smi_mprotect_spare_map(void);

/* Have them, if the process may have as many. Threads: any. */
void smi_mprotect_spare_keep(void);

/* In a handler. Return: may the process have two mappings more now? */
bool smi_mprotect_spare_give_up(void);

#endif
