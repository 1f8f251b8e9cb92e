/* SPDX-License-Identifier: MIT */
/*
 * A process that knows nothing of it, as what is checkpointed. It is stopped by
 * ptrace(2) for each moment.
 *
 * Blobs of its layers:
 *
 *	process       JSON: pid, name, exe, arguments, uid, gid, machine...
 *	process-maps  the text of /proc/PID/maps at the moment
 *	process-vdso  the memory of [vdso], if it has one
 *	core-notes    the notes of a core file (core/notes.h)
 */
#ifndef TOOLS_CHECKPOINT_PROCESS_H
#define TOOLS_CHECKPOINT_PROCESS_H

#include "checkpoint/subject.h"

/*
 * checkpoint_process_open - a process by its number
 * @ret_subject: closed by its operation
 *
 * Nothing is done to the process yet. Return: 0, or -errno with one sentence.
 */
int checkpoint_process_open(const struct checkpoint_request *request,
			    struct checkpoint_subject *ret_subject,
			    struct smudge_error *err);

#endif
