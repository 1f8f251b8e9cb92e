/* SPDX-License-Identifier: MIT */
/*
 * The table of areas, and the handler that looks into it.
 */
#ifndef LIB_SOURCE_MPROTECT_FAULT_H
#define LIB_SOURCE_MPROTECT_FAULT_H

#include "source/mprotect_area.h"

/* From now on the handler finds the area. Return: 0, -EBUSY (another area has
 * a part of it), -ENOMEM. */
int smi_mprotect_publish(struct smi_mprotect_area *area,
			 struct smudge_error *err);

/*
 * From now on the handler finds @to instead of @from, which begins where it
 * does and ends earlier; and the other way round. A handler may still use the
 * one that went. Return: 0, -EBUSY (another area has a part of the rest).
 */
int smi_mprotect_replace(struct smi_mprotect_area *from,
			 struct smi_mprotect_area *to,
			 struct smudge_error *err);
void smi_mprotect_put_back(struct smi_mprotect_area *from,
			   struct smi_mprotect_area *to);

/*
 * The area ends at @end, earlier than before. The pages behind it have the
 * program's protection already.
 */
void smi_mprotect_cut(struct smi_mprotect_area *area, uint64_t end);

/*
 * No more. Its pages have the program's protection already.
 * Return: false when no barrier works: a handler may still read the area.
 */
bool smi_mprotect_unpublish(struct smi_mprotect_area *area);

#endif
