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
 * smi_writers_of_others - other processes that map a region's memory
 *
 * process->lock held. Return: 0, -ENOENT, -EMFILE, -ENFILE, -ENOMEM, -EIO.
 */
int smi_writers_of_others(struct smi_writers *writers,
			  struct smudge_error *err);

/*
 * smi_writers_of_own - devices, rings with registered buffers and contexts of
 *      AIO, which the process has itself
 *
 * process->lock held; it has an attachment.
 * Return: 0, -ESRCH, -EPERM, -EMFILE, -ENFILE, -ENOMEM, -EIO.
 */
int smi_writers_of_own(struct smi_writers *writers, struct smudge_error *err);

#endif
