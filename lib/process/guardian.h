/* SPDX-License-Identifier: MIT */
/*
 * A process that does one thing with our memory and descriptors, and does it
 * also if we are killed meanwhile (target.h has the reason and the rules).
 */
#ifndef LIB_PROCESS_GUARDIAN_H
#define LIB_PROCESS_GUARDIAN_H

/*
 * smi_guardian_run - run @fn in a child that shares everything, and wait for it
 * @fn: what it does; all signals are blocked, SIGCHLD has the default action,
 *      and handlers that it installs are its own
 *
 * Blocks: until @fn is done, also if a signal arrives. Threads: any.
 * Return: 0, or -errno: -EIO (it was killed before it was done), -EAGAIN (no
 * process could be made), -ENOMEM.
 */
int smi_guardian_run(void (*fn)(void *opaque), void *opaque);

/* A pointer of the guardian that calls, for its handlers; NULL at first. */
const void **smi_guardian_slot(void);

#endif
