/* SPDX-License-Identifier: MIT */
/*
 * Holes of shared memory that a process has mapped: reading them through the
 * process would allocate them there, a page of memory each. They are zeros, so
 * they need not be read.
 *
 * A page that is written later is reported later. Where that may be by a
 * userfaultfd of the process's own, which brings pages from elsewhere, holes
 * are not known: only memory that is registered with ours is asked for.
 */
#ifndef LIB_PROCESS_HOLES_H
#define LIB_PROCESS_HOLES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "process/objects.h"

/* Open the file of @area, if it is in memory. Return: descriptor, or -1. */
int smi_holes_open(const struct smi_area *area);

/*
 * smi_holes_length - how much of a range is a hole
 * @at: address in the area
 * @ret_content: receives how many bytes of content follow it, at most what is
 *      left; it may have holes if they were made meanwhile
 * Return: bytes from @at on that are a hole.
 *
 * Threads: any.
 */
size_t smi_holes_length(struct smi_area *area, uint64_t at, size_t length_bytes,
			size_t *ret_content);

#endif
