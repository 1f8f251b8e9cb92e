/* SPDX-License-Identifier: MIT */
/*
 * A handler of SIGSEGV beside the program's own.
 *
 * The kernel has one handler per process. Ours keeps the one that it replaces,
 * and passes on to it each fault that is not ours, as the kernel would have:
 * with its mask, SA_NODEFER, SA_RESETHAND and SA_SIGINFO, or the default
 * action. Only SA_ONSTACK is always set, since a handler of stack overflows
 * needs it, and none can be moved to another stack once it was entered.
 *
 * WHO REPLACED WHOM. A program may install a handler after us, and call ours
 * from it. When we leave and are not the installed one, we cannot leave: ours
 * stays, finds no fault to be its own, and passes all on. When a source comes
 * again then, we cannot know whether we are still called. So we are installed
 * once more, by another entry, which passes on to that handler, which may call
 * the earlier entry, which passes on to what it replaced: never in a circle.
 * There are as many entries as such changes are endured.
 */
#ifndef LIB_SYS_SEGV_H
#define LIB_SYS_SEGV_H

#include <signal.h>
#include <stdbool.h>

/* True: it was ours, and the instruction is tried again. In a signal handler,
 * with all signals blocked; errno is kept for it. */
typedef bool (*smi_sys_segv_fn)(const siginfo_t *info, const void *context);

/*
 * smi_sys_segv_install - call @fn for faults of protected pages (SEGV_ACCERR)
 * smi_sys_segv_remove - no more; the program's handler is restored if ours is
 *      still the installed one
 *
 * Threads: one at a time, by the caller's lock.
 * Return: 0, -EBUSY (the program replaced us too often), or the error of
 * sigaction(2), which a filter may deny.
 */
int smi_sys_segv_install(smi_sys_segv_fn fn);
void smi_sys_segv_remove(void);

/*
 * Was the fault a store? Return: 1, 0, or -EOPNOTSUPP: not known for this
 * processor.
 */
int smi_sys_segv_is_store(const void *context);

#endif
