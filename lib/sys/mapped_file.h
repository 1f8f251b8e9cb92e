/* SPDX-License-Identifier: MIT */
/*
 * The file that a process has mapped, opened anew.
 */
#ifndef LIB_SYS_MAPPED_FILE_H
#define LIB_SYS_MAPPED_FILE_H

#include "sys/maps.h"

/*
 * smi_sys_mapped_file_open - open the file of a mapping, for reading
 * @proc: descriptor of the process's directory in /proc; -1: this process
 * @m: the mapping, by its exact edges; device and inode say which file it is
 *
 * Through /proc/PID/map_files, which opens exactly the file that is mapped and
 * needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. Without, one of the process's
 * descriptors may be of the same file.
 *
 * Return: a descriptor, whose position is its own; -1: it cannot be opened, or
 * is no regular file.
 */
int smi_sys_mapped_file_open(int proc, const struct smi_sys_mapping *m);

#endif
