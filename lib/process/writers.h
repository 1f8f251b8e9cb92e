/* SPDX-License-Identifier: MIT */
/*
 * Who may write to a process's memory without being detected.
 */
#ifndef LIB_PROCESS_WRITERS_H
#define LIB_PROCESS_WRITERS_H

#include "process/objects.h"

/* Whom to tell. */
struct smi_writers {
	const struct smudge_process *process;
	void (*each)(void *opaque, const struct smudge_process_writer *writer);
	void *opaque;
	int nunreadable; /* processes whose mappings may not be read */
};

/*
 * smi_writers_of_others - other processes that map a region's memory, or have
 *      the same address space
 *
 * process->lock held. Return: 0, -ENOENT, -EMFILE, -ENFILE, -ENOMEM, -EIO.
 */
int smi_writers_of_others(struct smi_writers *writers,
			  struct smudge_error *err);

/*
 * smi_writers_of_own - devices, rings with registered buffers and contexts of
 *      AIO, which the process has itself, and descriptors of files that it maps
 *
 * process->lock held; it has an attachment.
 * Return: 0, -ESRCH, -EPERM, -EMFILE, -ENFILE, -ENOMEM, -EIO.
 */
int smi_writers_of_own(struct smi_writers *writers, struct smudge_error *err);

/*
 * smi_writers_of_views - regions that another mapping of the process shows too,
 *      by which it may write to them
 *
 * process->lock held; it has an attachment.
 * Return: 0, or as smi_process_maps_read.
 */
int smi_writers_of_views(const struct smi_writers *writers,
			 struct smudge_error *err);

/*
 * smi_writers_look_at_file - regions of the file that a descriptor of the
 *      process may write
 * @fds: descriptor of its directory fd in /proc
 * @fd: the descriptor's name there
 * @link: what that links to
 *
 * process->lock held; it has an attachment. A descriptor that was closed
 * meanwhile is none.
 */
void smi_writers_look_at_file(const struct smi_writers *writers, int fds,
			      const char *fd, const char *link);

#endif
