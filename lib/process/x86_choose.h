/* SPDX-License-Identifier: MIT */
/*
 * Which thread of a process that stands may make a system call for us?
 */
#ifndef LIB_PROCESS_X86_CHOOSE_H
#define LIB_PROCESS_X86_CHOOSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include <smudge/error.h>

#include "process/stop.h"
#include "process/x86_frame.h"

struct smi_x86_chosen {
	pid_t tid;
	bool has_filter; /* of seccomp, which must be suspended */
	struct user_regs_struct regs;
	uint64_t mask;		    /* blocked signals */
	struct smi_x86_frame frame; /* with its state, not yet its registers */
};

/*
 * smi_x86_choose - find a thread, and read what it must find again
 *
 * First those without a filter; of these first those in a system call, whose
 * user code is not in the midst of anything.
 * Return: 0, or -EAGAIN (no thread can do it at this moment; the sentence has
 * the last one's reason).
 */
int smi_x86_choose(const struct smi_stop *stop,
		   struct smi_x86_chosen *ret_chosen, struct smudge_error *err);

#endif
