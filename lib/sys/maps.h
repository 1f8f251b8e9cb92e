/* SPDX-License-Identifier: MIT */
/*
 * /proc/self/maps: what kind of memory an address range is made of; or another
 * process's.
 */
#ifndef LIB_SYS_MAPS_H
#define LIB_SYS_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The part of one mapping that lies in the range asked for. */
struct smi_sys_mapping {
	uint64_t start; /* addresses, end exclusive */
	uint64_t end;
	uint64_t file_off; /* of start, in bytes; 0 without a file */
	uint64_t inode;
	unsigned int dev_major;
	unsigned int dev_minor;
	bool is_shared;
	bool is_readable;
	bool is_writable;
	bool is_executable;
	bool has_file; /* shared anonymous memory is a file to the kernel */
};

/*
 * smi_sys_maps_each - visit the mappings of a range of this process
 * smi_sys_maps_each_of - those of another process
 * @proc: descriptor of its directory in /proc
 * @start, @end: addresses
 * @each: called in ascending order, for each address once at most; holes are
 *      not visited. It returns 0 to continue, anything else to end the walk
 * @opaque: passed to @each
 *
 * Return: 0, what @each returned, or -errno: -ENOENT (no /proc), -ESRCH,
 * -EACCES, -EMFILE, -ENFILE, -ENOMEM, -EIO (not the text that is expected).
 */
int smi_sys_maps_each(uint64_t start, uint64_t end,
		      int (*each)(void *opaque,
				  const struct smi_sys_mapping *m),
		      void *opaque);
int smi_sys_maps_each_of(int proc, uint64_t start, uint64_t end,
			 int (*each)(void *opaque,
				     const struct smi_sys_mapping *m),
			 void *opaque);

/*
 * smi_sys_maps_query - the mapping at or after an address, whole, by one call
 * @maps: descriptor of a file named maps
 *
 * Return: 0, -ENOENT (none), -ENOTTY (before Linux 6.11), -ESRCH or -errno.
 */
int smi_sys_maps_query(int maps, uint64_t at, struct smi_sys_mapping *m);

/*
 * The same, with the name that the text has: a path, [stack] and its kind, or
 * nothing.
 * Return: also -ENAMETOOLONG (with its 0 it does not fit).
 */
int smi_sys_maps_query_named(int maps, uint64_t at, struct smi_sys_mapping *m,
			     char *name, size_t name_bytes);

#endif
