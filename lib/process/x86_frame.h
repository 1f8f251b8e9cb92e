/* SPDX-License-Identifier: MIT */
/*
 * A frame as the kernel writes it for a signal (struct rt_sigframe), with all
 * that a thread must find again: a thread that returns by it is where it was,
 * whether we are still there or not.
 *
 * The extended state is of the features that have a fixed size. A frame with
 * AMX is not accepted by the kernel at this size, and larger ones fall back to
 * SSE; so a thread whose tiles are in use is not taken (x86_choose.h).
 */
#ifndef LIB_PROCESS_X86_FRAME_H
#define LIB_PROCESS_X86_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#define SMI_X86_XSTATE_BYTES 16384 /* with AMX it is 11,008 */

/* What a thread's stack gets. */
struct smi_x86_frame {
	_Alignas(64) unsigned char bytes[SMI_X86_XSTATE_BYTES + 512];
	size_t nbytes;
	uint64_t at; /* the address of the first byte; 64-byte aligned */
	uint64_t sp; /* the address of the return address in it */
};

/*
 * smi_x86_frame_prepare - ask the processor where each state is
 *
 * Before the thread is stopped: in a virtual machine each question is one to
 * its monitor, and takes some microseconds.
 */
void smi_x86_frame_prepare(void);

/*
 * smi_x86_frame_read_state - read the extended state of a thread that stands
 * @frame: receives it; the rest is not yet set
 *
 * Return: 0, -ESRCH, -EOPNOTSUPP (a processor without XSAVE), -EBUSY (it uses
 * state that no frame can hold).
 */
int smi_x86_frame_read_state(pid_t tid, struct smi_x86_frame *frame);

/*
 * smi_x86_frame_build - add the registers, and decide the addresses
 * @regs: where the thread shall be after it returned by the frame
 * @mask: its blocked signals then
 * @restorer: the address it returns to
 * @below: the frame ends at or below this address
 */
void smi_x86_frame_build(struct smi_x86_frame *frame,
			 const struct user_regs_struct *regs, uint64_t mask,
			 uint64_t restorer, uint64_t below);

#endif
