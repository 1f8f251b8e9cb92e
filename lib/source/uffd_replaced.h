/* SPDX-License-Identifier: MIT */
/*
 * Mappings that a target put where old ones were tracked.
 */
#ifndef LIB_SOURCE_UFFD_REPLACED_H
#define LIB_SOURCE_UFFD_REPLACED_H

#include "source/uffd_range.h"

/*
 * smi_uffd_replaced - register, protect and report what is new in a part of the
 *      range
 * @start, @end: of the scan that met a mapping which is not registered
 *
 * Return: 0: scan again; 1: all of the range is reported and protected; or
 * -errno, and the range is lost.
 */
int smi_uffd_replaced(struct smi_uffd *u, uint64_t start, uint64_t end,
		      struct smudge_sink *sink, struct smudge_error *err);

#endif
