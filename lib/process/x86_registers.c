/* SPDX-License-Identifier: MIT */
/*
 * Register sets of x86-64 as the kernel gives them, in its layout. Those of a
 * thread that runs 32-bit code are in the layout of 64 bits, too.
 */
#include "process/arch.h"

#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#define GENERAL_BYTES  sizeof(struct user_regs_struct)
#define FLOATING_BYTES sizeof(struct user_fpregs_struct)

/* Return: how many bytes, 0: this processor has no such state; or -errno. */
static long read_extended(pid_t tid, char *to, size_t room_bytes)
{
	struct iovec iov = {.iov_base = to, .iov_len = room_bytes};

	if (ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &iov) == 0)
		return (long)iov.iov_len;
	return errno == ENODEV || errno == EINVAL ? 0 : -errno;
}

int smi_arch_read_registers(pid_t tid, char *to, size_t room_bytes,
			    struct smi_arch_registers *ret_sets)
{
	char *floating = to + GENERAL_BYTES;
	char *extended = floating + FLOATING_BYTES;
	long n;

	if (ptrace(PTRACE_GETREGS, tid, NULL, to) < 0 ||
	    ptrace(PTRACE_GETFPREGS, tid, NULL, floating) < 0)
		return -errno;
	n = read_extended(tid, extended,
			  room_bytes - GENERAL_BYTES - FLOATING_BYTES);
	if (n < 0)
		return (int)n;
	*ret_sets = (struct smi_arch_registers){
		.general_bytes = GENERAL_BYTES,
		.floating_bytes = FLOATING_BYTES,
		.extended_bytes = (size_t)n,
	};
	return 0;
}
