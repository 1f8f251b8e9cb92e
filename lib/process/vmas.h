/* SPDX-License-Identifier: MIT */
/*
 * The mappings of a process, in the order of their addresses, from its file
 * maps; nothing is allocated.
 */
#ifndef LIB_PROCESS_VMAS_H
#define LIB_PROCESS_VMAS_H

#include <sys/types.h>

#include "process/mapping.h"

/*
 * smi_vmas_each - visit the mappings of a process
 * @each: returns 0 to continue, anything else to end the walk; the name is
 *      valid during the visit
 *
 * Return: 0, what @each returned, or -errno of smi_proc_open, or -EIO.
 */
int smi_vmas_each(pid_t pid,
		  int (*each)(void *opaque,
			      const struct smi_process_mapping *m),
		  void *opaque);

#endif
