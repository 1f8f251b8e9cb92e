/* SPDX-License-Identifier: MIT */
/*
 * Children that a thread makes which is traced already (seize.h): the kernel
 * traces them too, and stops them before they run. They continue when all
 * threads known have been told to stop, so that the end of one does not wake a
 * thread whose call could not be repaired (gather.c).
 */
#ifndef LIB_PROCESS_BORN_H
#define LIB_PROCESS_BORN_H

#include <stdbool.h>
#include <sys/types.h>

/* Has a child stopped before it ran, and no thread of process @pid? Then it is
 * let go. */
bool smi_born_let_go(pid_t pid, pid_t child);

/*
 * smi_born_continue - a thread has made a child: let both continue
 *
 * Blocks: until the child has stopped, which the scheduler lets it do at once.
 */
void smi_born_continue(pid_t tid);

#endif
