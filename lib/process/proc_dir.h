/* SPDX-License-Identifier: MIT */
/*
 * Files in a process's directory of /proc. The directory's descriptor stays
 * bound to the process: when its number is another's, reads fail.
 */
#ifndef LIB_PROCESS_PROC_DIR_H
#define LIB_PROCESS_PROC_DIR_H

#include <stddef.h>
#include <sys/types.h>

/* Return: the directory's descriptor, -ESRCH, -ENOENT (no /proc) or -errno. */
int smi_proc_dir_open(pid_t pid);

/*
 * smi_proc_dir_read - all of a file
 * @proc: descriptor of the directory
 * @max_bytes: more are -EFBIG
 * @ret_text: receives it, with a 0 behind it, freed by the caller
 *
 * Return: 0, -ESRCH (the process has ended), -EPERM, or -errno.
 */
int smi_proc_dir_read(int proc, const char *name, size_t max_bytes,
		      char **ret_text, size_t *ret_length);

#endif
