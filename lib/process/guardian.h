/* SPDX-License-Identifier: MIT */
/*
 * A process that does one thing with our memory and descriptors, and does it
 * also if we are killed meanwhile (target.h has the reason and the rules).
 */
#ifndef LIB_PROCESS_GUARDIAN_H
#define LIB_PROCESS_GUARDIAN_H

#include <stdint.h>
#include <sys/types.h>

/*
 * smi_guardian_run - run @fn in a child that shares everything, and wait for it
 * @fn: what it does; all signals are blocked, SIGCHLD has the default action,
 *      and handlers that it installs are its own
 * @ret_ended_ns: receives when it had ended, by smi_sys_now_ns; not after
 * -EAGAIN and -ENOMEM
 *
 * Blocks: until @fn is done, also if a signal arrives. Threads: any.
 * Return: 0, or -errno: -EIO (it was killed before it was done), -EAGAIN (no
 * process could be made), -ENOMEM.
 */
int smi_guardian_run(void (*fn)(void *opaque), void *opaque,
		     uint64_t *ret_ended_ns);

/*
 * For other kinds of guardians (keeper.h): memory with a stack, or NULL; and
 * clone(2) with such a stack, whose child receives SIGCHLD by its default
 * action when it calls smi_guardian_receive_sigchld.
 */
char *smi_guardian_map_stack(void);
void smi_guardian_unmap_stack(char *memory);
pid_t smi_guardian_clone(int (*fn)(void *opaque), char *memory, int flags,
			 void *opaque, int *ret_pidfd);
void smi_guardian_receive_sigchld(void);

/* Wait for a guardian's end; it sends no signal, so __WALL only sees it. */
void smi_guardian_reap(pid_t pid);

/* A pointer of the guardian that calls, for its handlers; NULL at first. */
const void **smi_guardian_slot(void);

#endif
