/* SPDX-License-Identifier: MIT */
/*
 * Mappings that may not be written now and hold pages of the process's own all
 * the same: what the loader wrote before it protected it, a heap that was made
 * read-only.
 */
#ifndef LIB_PROCESS_UNWRITABLE_H
#define LIB_PROCESS_UNWRITABLE_H

#include <stdbool.h>

#include "process/mapping.h"
#include "process/objects.h"

/*
 * smi_unwritable_cut - cut a private mapping to the pages from the first to the
 *      last that are the process's own, or tracked already
 *
 * So neither a reservation that was never used nor a program's code becomes a
 * region. Return: false: it has none.
 */
bool smi_unwritable_cut(const struct smudge_process *process,
			struct smi_process_mapping *m);

#endif
