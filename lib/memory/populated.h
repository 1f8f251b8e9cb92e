/* SPDX-License-Identifier: MIT */
/*
 * What smudge_region_next_populated keeps open for a memory.
 */
#ifndef LIB_MEMORY_POPULATED_H
#define LIB_MEMORY_POPULATED_H

#include "memory/objects.h"

/* No other call uses the memory any more. */
void smi_populated_close(struct smudge_memory *memory);

/* No client is open: close everything, until it is asked again. */
void smi_populated_rest(struct smudge_memory *memory);

/* A region leaves: do not keep its file, and with it its content. */
void smi_populated_forget(struct smudge_memory *memory);

#endif
