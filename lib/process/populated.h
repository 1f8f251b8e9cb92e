/* SPDX-License-Identifier: MIT */
/*
 * Which pages of an area hold something? The others read as zeros; to read them
 * would allocate them in the process, or in its file.
 */
#ifndef LIB_PROCESS_POPULATED_H
#define LIB_PROCESS_POPULATED_H

#include "process/objects.h"

void smi_process_populated_open(struct smi_attachment *attachment);
void smi_process_populated_close(struct smi_attachment *attachment);

/* A region is removed: do not keep its file, and with it its content. */
void smi_process_populated_forget(struct smi_attachment *attachment);

/* A region's next_populated, with its area. */
int smi_area_next_populated(void *opaque, uint64_t *first_page,
			    uint64_t *end_page);

#endif
