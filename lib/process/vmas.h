/* SPDX-License-Identifier: MIT */
/*
 * The mappings of a process, in the order of their addresses, from its file
 * maps; nothing is allocated.
 */
#ifndef LIB_PROCESS_VMAS_H
#define LIB_PROCESS_VMAS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct smi_vma {
	uint64_t start; /* addresses, end exclusive */
	uint64_t end;
	char perms[5]; /* "rwxp", with - for what is not */
	uint64_t file_off;
	uint64_t inode;
	const char *name; /* "" if it has none; valid during the visit */
};

/*
 * smi_vmas_each - visit the mappings of a process
 * @each: returns 0 to continue, anything else to end the walk
 *
 * Return: 0, what @each returned, or -errno of smi_proc_open, or -EIO.
 */
int smi_vmas_each(pid_t pid,
		  int (*each)(void *opaque, const struct smi_vma *vma),
		  void *opaque);

#endif
