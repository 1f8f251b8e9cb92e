/* SPDX-License-Identifier: MIT */
/*
 * What soft-dirty bits can say about an area.
 */
#ifndef LIB_PROCESS_SOFT_KIND_H
#define LIB_PROCESS_SOFT_KIND_H

#include "process/objects.h"
#include "process/soft_area.h"

/* @proc: the process's directory in /proc */
enum smi_soft_kind smi_soft_kind_of(int proc, const struct smi_area *area);

#endif
