/* SPDX-License-Identifier: MIT */
/*
 * What makes two mappings one: the same object, at the same place in it.
 */
#ifndef LIB_PROCESS_OBJECT_H
#define LIB_PROCESS_OBJECT_H

#include <string.h>

#include "process/maps.h"
#include "process/objects.h"

static inline struct smi_object
smi_object_of(const struct smi_process_mapping *m)
{
	return (struct smi_object){.file_off = m->file_off,
				   .inode = m->inode,
				   .dev_major = m->dev_major,
				   .dev_minor = m->dev_minor,
				   .is_shared = m->is_shared,
				   .has_file = m->has_file};
}

/*
 * Is @b, @distance_bytes behind @a, more of the same object? Memory without a
 * file is told apart by its name, as [heap] is.
 */
static inline bool smi_object_continues(const struct smi_object *a,
					const char *a_name,
					const struct smi_object *b,
					const char *b_name,
					uint64_t distance_bytes)
{
	if (a->is_shared != b->is_shared || a->has_file != b->has_file)
		return false;
	if (!a->has_file)
		return !strcmp(a_name, b_name);
	return a->inode == b->inode && a->dev_major == b->dev_major &&
	       a->dev_minor == b->dev_minor &&
	       a->file_off + distance_bytes == b->file_off;
}

#endif
