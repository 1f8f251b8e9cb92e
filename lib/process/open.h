/* SPDX-License-Identifier: MIT */
/*
 * Opening a process by other means than those of target.h, for tests.
 */
#ifndef LIB_PROCESS_OPEN_H
#define LIB_PROCESS_OPEN_H

#include "process/objects.h"

/* smudge_process_open with @means (borrowed, for the process's life). */
int smi_process_open(struct smudge_memory *memory, pid_t pid,
		     const struct smudge_process_options *options,
		     const struct smi_process_means *means,
		     struct smudge_process **ret_process,
		     struct smudge_error *err);

#endif
