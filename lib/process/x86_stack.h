/* SPDX-License-Identifier: MIT */
/*
 * How much of a thread's stack is free?
 *
 * What is below the stack pointer is not always free: programs have small
 * stacks on their heap (Go's goroutines, fibers), and alternate stacks for
 * signal handlers, with other data below. So only a stack whose end is known is
 * used: the main thread's that the kernel made, and one that a libc made for a
 * thread, which has the thread's block of local memory above and a page that
 * may not be touched below, in a mapping of its own or not (x86_guard.h). A
 * thread in a handler that runs on an alternate stack is recognized by its
 * signal frame, which says where that ends.
 */
#ifndef LIB_PROCESS_X86_STACK_H
#define LIB_PROCESS_X86_STACK_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/*
 * smi_x86_stack_free - the bytes that are free below a thread's red zone
 * @regs: the thread's registers
 *
 * Return: the bytes; 0 if none are, or the stack's end is not known.
 */
uint64_t smi_x86_stack_free(pid_t pid, pid_t tid,
			    const struct user_regs_struct *regs);

#define SMI_X86_RED_ZONE_BYTES 128 /* below the stack pointer, and in use */

#endif
