/* SPDX-License-Identifier: MIT */
/*
 * Mappings that cannot be armed, beside others that can.
 */
#ifndef LIB_PROCESS_APART_H
#define LIB_PROCESS_APART_H

#include <stdbool.h>

#include "process/mapping.h"
#include "process/objects.h"

/*
 * smi_is_apart - is it the reason why an area cannot be armed?
 *
 * The kernel arms a range of addresses as a whole or not at all. So such
 * mappings are a range of their own, and their neighbours are tracked.
 * process->lock held. Return: true only while it is in such an area.
 */
bool smi_is_apart(const struct smudge_process *process,
		  const struct smi_process_mapping *m);

#endif
