/* SPDX-License-Identifier: MIT */
/*
 * An attachment: what is open of one address space of a process.
 */
#ifndef LIB_PROCESS_ATTACHMENT_H
#define LIB_PROCESS_ATTACHMENT_H

#include "process/objects.h"

/*
 * smi_attachment_make - attach to the program that the process executes now
 * @process: has none; receives it, and the time that it stood
 *
 * Return: 0, or as smudge_process_open.
 */
int smi_attachment_make(struct smudge_process *process,
			struct smudge_error *err);

/*
 * smi_attachment_check - is it the process's address space still?
 *
 * Return: 0, -ESRCH (the process has ended), -ESTALE (it executes another
 * program).
 */
int smi_attachment_check(const struct smudge_process *process,
			 struct smudge_error *err);

/* Can it be tracked? Return: 0, or -errno and a sentence. */
int smi_attachment_try_area(const struct smi_area *area,
			    struct smudge_error *err);

/* Add what it counts by itself. */
void smi_attachment_stats(const struct smi_attachment *attachment,
			  struct smudge_process_stats *stats);

/* End the tracking, also of areas that are left; reading them still works. */
void smi_attachment_let_go(struct smi_attachment *attachment);

/* One user less; the last one closes everything. */
void smi_attachment_drop(struct smi_attachment *attachment);

#endif
