/* SPDX-License-Identifier: MIT */
/*
 * The files that a restore writes: all of them appear whole, or none does.
 */
#ifndef TOOLS_RESTORE_FILES_H
#define TOOLS_RESTORE_FILES_H

#include "restore/plan.h"

struct smudge_error;

/*
 * restore_files_write - memory and device state of a moment
 *
 * Shows progress. A signal (clock.h) ends it, and nothing is left. Files that a
 * machine is started on at once (is_run) are not flushed to the disk.
 * Return: 0, -EINTR, -EEXIST, as layers_copy, or another -errno, with one
 * sentence.
 */
int restore_files_write(const struct restore_request *request,
			const struct restore_plan *plan,
			struct smudge_error *err);

#endif
