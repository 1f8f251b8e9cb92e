/* SPDX-License-Identifier: MIT */
/*
 * An attachment after exec(2) of the process.
 */
#ifndef LIB_PROCESS_RENEW_H
#define LIB_PROCESS_RENEW_H

#include "process/objects.h"

/*
 * smi_process_renew - have an attachment to the program that runs now
 *
 * If it is another one, all areas of the old one go. process->lock is held.
 * Return: 0, -ESRCH (the process has ended, which the statistics note), or as
 * smi_attachment_make.
 */
int smi_process_renew(struct smudge_process *process, struct smudge_error *err);

#endif
