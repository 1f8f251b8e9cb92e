/* SPDX-License-Identifier: MIT */
/*
 * The machine of a stock QEMU, as what is checkpointed.
 */
#ifndef TOOLS_QEMU_SUBJECT_H
#define TOOLS_QEMU_SUBJECT_H

#include "checkpoint/subject.h"

/*
 * checkpoint_qemu_open - connect to request->qemu, and find its memory
 * @ret_subject: receives it; its close frees it
 *
 * Return: 0, -EOPNOTSUPP (a machine that cannot be saved: the sentence says
 * what to change), -EBUSY (its socket, or its migration, is in use), or another
 * -errno with one sentence.
 */
int checkpoint_qemu_open(const struct checkpoint_request *request,
			 struct checkpoint_subject *ret_subject,
			 struct smudge_error *err);

#endif
