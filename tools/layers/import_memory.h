/* SPDX-License-Identifier: MIT */
/*
 * The regions of an import as a memory.
 */
#ifndef TOOLS_LAYERS_IMPORT_MEMORY_H
#define TOOLS_LAYERS_IMPORT_MEMORY_H

#include "layers/import.h"

/*
 * import_memory_create - regions that are read from files
 * @import: open, and unchanged until smudge_memory_destroy
 * Return: 0, or -errno with one sentence.
 */
int import_memory_create(struct import *import,
			 struct smudge_memory **ret_memory,
			 struct smudge_error *err);

/* All pages that the files have are dirty. */
void import_memory_mark(const struct import *import);

#endif
