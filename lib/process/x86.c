/* SPDX-License-Identifier: MIT */
/*
 * x86-64: what can be known of a program before it is stopped, and the repair
 * of its system calls.
 */
#include "process/arch.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/user.h>
#include <unistd.h>

#include "process/interrupted.h"
#include "process/proc.h"
#include "process/waited.h"
#include "process/x86_code.h"
#include "process/x86_frame.h"
#include "process/x86_ptrace.h"

#define WHERE		 "process"
#define CAP_SYS_ADMIN	 21
#define USER_CS		 0x33
#define AGAIN_NO_HANDLER (-514) /* the kernel's ERESTARTNOHAND */

static int read_header(pid_t pid, Elf64_Ehdr *header)
{
	int fd = smi_proc_open(pid, "exe");
	ssize_t n;

	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	n = read(fd, header, sizeof(*header));
	close(fd);
	return n == (ssize_t)sizeof(*header) ? 0 : -ENOEXEC;
}

static int other_kind(pid_t pid, const char *kind, struct smudge_error *err)
{
	return smudge_error_set(err, -EOPNOTSUPP, WHERE,
				"process %d is %s: only 64-bit programs of "
				"x86-64 can be tracked",
				(int)pid, kind);
}

int smi_arch_check(pid_t pid, struct smudge_error *err)
{
	Elf64_Ehdr header;
	int ret = read_header(pid, &header);

	if (ret == -ENOEXEC)
		return other_kind(pid, "no ELF program", err);
	if (ret == -ESRCH)
		return smudge_error_set(err, ret, WHERE, "process %d has ended",
					(int)pid);
	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					"cannot read the program of process "
					"%d: %s",
					(int)pid, strerror(-ret));
	if (header.e_ident[EI_CLASS] == ELFCLASS32)
		return other_kind(pid,
				  header.e_machine == EM_X86_64
					  ? "an x32 program"
					  : "a 32-bit program",
				  err);
	if (header.e_machine != EM_X86_64)
		return other_kind(pid, "a program of another processor", err);
	return 0;
}

static bool is_over(pid_t pid, pid_t tid, const struct user_regs_struct *regs,
		    int64_t *ret_result)
{
	const struct smi_wait wait = {
		.call = regs->orig_rax,
		.arguments = {regs->rdi, regs->rsi, regs->rdx, regs->r10,
			      regs->r8, regs->r9},
		.ip = regs->rip,
		.stack = regs->rsp,
	};

	return smi_waited_is_over(pid, tid, &wait, ret_result);
}

/*
 * While the thread is in this stop the kernel has not yet looked at the result.
 */
void smi_arch_repair(pid_t pid, pid_t tid)
{
	struct user_regs_struct regs;
	int64_t result = AGAIN_NO_HANDLER;

	if (smi_x86_get_registers(tid, &regs) < 0)
		return;
	if (regs.cs != USER_CS || (long long)regs.rax != -EINTR ||
	    (long long)regs.orig_rax < 0 ||
	    !smi_interrupted_may_repeat(pid, tid, regs.orig_rax, regs.rdi))
		return;
	if (!is_over(pid, tid, &regs, &result))
		result = AGAIN_NO_HANDLER;
	regs.rax = (unsigned long long)result;
	smi_x86_set_registers(tid, &regs);
}

bool smi_arch_may_be_interrupted(pid_t pid, pid_t tid)
{
	char text[256];
	char *at = text;
	uint64_t call;

	/* The call's number, and its arguments with 0x. */
	if (smi_proc_read(smi_proc_open_thread(pid, tid, "syscall"), text,
			  sizeof(text)) <= 0)
		return true;
	call = strtoull(text, &at, 10);
	return at == text || smi_interrupted_may_repeat(pid, tid, call,
							strtoull(at, NULL, 16));
}

/* A return to an address that no call has put there is a fault with one. */
static int check_shadow_stack(pid_t pid, const char *status,
			      struct smudge_error *err)
{
	const char *features = strstr(status, "x86_Thread_features:");
	const char *end = features ? strchr(features, '\n') : NULL;
	const char *shstk = features ? strstr(features, "shstk") : NULL;

	if (!shstk || (end && shstk > end))
		return 0;
	return smudge_error_set(err, -EOPNOTSUPP, WHERE,
				"process %d has a shadow stack, which does not "
				"allow that smudge makes a call in it",
				(int)pid);
}

static bool may_suspend_filters(void)
{
	char text[SMI_PROC_TEXT_BYTES];
	long n = smi_proc_read(smi_proc_open(getpid(), "status"), text,
			       sizeof(text));

	return n > 0 &&
	       (smi_proc_number(text, "CapEff", 16, 0) >> CAP_SYS_ADMIN & 1) &&
	       !smi_proc_number(text, "Seccomp", 10, 0);
}

static int check_filter(pid_t pid, const char *status, struct smudge_error *err)
{
	if (!smi_proc_number(status, "Seccomp", 10, 0) || may_suspend_filters())
		return 0;
	return smudge_error_set(err, -EPERM, WHERE,
				"process %d has a seccomp filter, which may "
				"kill it: to suspend it takes CAP_SYS_ADMIN, "
				"and no filter of our own",
				(int)pid);
}

int smi_arch_check_uffd(struct smi_target *target, struct smudge_error *err)
{
	char status[SMI_PROC_TEXT_BYTES];
	pid_t pid = target->pid;
	long n = smi_proc_read(smi_proc_open(pid, "status"), status,
			       sizeof(status));
	int ret;

	if (n < 0)
		return smudge_error_set(err, -ESRCH, WHERE,
					"process %d has ended", (int)pid);
	ret = check_shadow_stack(pid, status, err);
	if (!ret)
		ret = check_filter(pid, status, err);
	if (!ret)
		ret = smi_x86_code_find(pid, &target->code, err);
	if (!ret)
		smi_x86_frame_prepare();
	return ret;
}
