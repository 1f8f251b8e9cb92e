/* SPDX-License-Identifier: MIT */
/*
 * Memories of the parent in a child of fork(2).
 */
#ifndef LIB_MEMORY_SPACE_H
#define LIB_MEMORY_SPACE_H

#include "memory/objects.h"
#include "sys/space.h"

/*
 * Was the memory created in this address space? Calls that would wait for a
 * lock of it ask first: in a child it may be held for ever. Return: 0, -EPERM.
 */
static inline int smi_memory_check_space(const struct smudge_memory *memory,
					 struct smudge_error *err)
{
	return smi_sys_space_check(memory->space, "memory", "memory", err);
}

#endif
