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
 * No more. Its pages have the program's protection already.
 * Return: false when no barrier works: a handler may still read the area.
 */
bool smi_mprotect_unpublish(struct smi_mprotect_area *area);

#endif
