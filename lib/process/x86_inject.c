/* SPDX-License-Identifier: MIT */
/*
 * A thread of the target makes two system calls for us, and is again where it
 * was.
 *
 * THE TARGET RESTORES ITSELF. Before its registers are changed, a signal frame
 * with all of them is on its stack, and the changed registers lead to it: the
 * instruction after the call's `syscall` is a `ret`, which goes to the code
 * that returns from a signal. So if we are killed at any moment, the thread
 * makes the call it is about to make, and is where it was. Hence registers are
 * set before signals are blocked (the frame has the mask), and the mask is
 * restored before the registers are.
 *
 * Stops are those at the entry and exit of a system call, never single steps:
 * the trap flag would outlive us.
 *
 * THE END. At the exit of a call the thread would not be in the stop in which
 * it was found, and there a result such as "again, unless a handler runs" would
 * be lost. So it is interrupted while it stands at the entry of the last call,
 * and continues through the call into a stop like the first. There it gets its
 * mask and registers, and the kernel finds the same registers, signals and
 * restart block as if nothing had been.
 */
#include "process/arch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/event.h"
#include "process/memory_of.h"
#include "process/step.h"
#include "process/x86_choose.h"
#include "process/x86_code.h"
#include "process/x86_frame.h"
#include "process/x86_ptrace.h"
#include "process/x86_stack.h"

#define WHERE		"process"
#define USER_MODE_ONLY	1 /* UFFD_USER_MODE_ONLY, Linux 5.11 */
#define CLEAN_FLAGS	0x202
#define KERNEL_RESTARTS 512 /* its codes for calls to make again: to 516 */
#define SYSCALL_BYTES	2

struct injection {
	struct smi_stop *stop;
	struct smi_x86_chosen thread;
	struct smi_code code;
	bool is_as_found; /* it stands as it did when it was found */
};

static bool is_restarted(const struct user_regs_struct *regs)
{
	long long result = (long long)regs->rax;

	return (long long)regs->orig_rax >= 0 && result <= -KERNEL_RESTARTS &&
	       result >= -KERNEL_RESTARTS - 4;
}

/*
 * Where the thread continues if it returns by the frame. A call that the kernel
 * would restart is made anew: restart_syscall(2) does not survive the return
 * from a signal.
 */
static struct user_regs_struct
registers_to_return_to(const struct user_regs_struct *regs)
{
	struct user_regs_struct to = *regs;

	if (is_restarted(regs)) {
		to.rax = regs->orig_rax;
		to.rip -= SYSCALL_BYTES;
	}
	return to;
}

static int write_frame(struct injection *in)
{
	struct smi_x86_chosen *t = &in->thread;
	struct user_regs_struct to = registers_to_return_to(&t->regs);

	smi_x86_frame_build(&t->frame, &to, t->mask, in->code.restorer,
			    t->regs.rsp - SMI_X86_RED_ZONE_BYTES);
	if (!smi_memory_of_write(in->stop->target->pid, t->frame.at,
				 t->frame.bytes, t->frame.nbytes))
		return -ESRCH;
	smi_step("frame written");
	return 0;
}

/* Wait for the thread's next event; other threads may be killed. */
static int next_event(struct injection *in, struct smi_event *event)
{
	for (;;) {
		int ret = smi_event_next(SMI_EVENT_NO_DEADLINE, event);

		if (ret < 0)
			return ret == -ECHILD ? -ESRCH : ret;
		if (ret && event->kind == SMI_EVENT_GONE)
			smi_threads_remove(&in->stop->threads, event->tid);
		if (ret && event->tid == in->thread.tid)
			return 0;
	}
}

/*
 * SIGSTOP cannot be blocked. If it comes first, it is delivered, and the thread
 * continues in the stop that follows; it is stopped by it afterwards.
 */
static int next_call_stop(struct injection *in)
{
	struct smi_event event;
	int ret = next_event(in, &event);

	while (!ret && (event.kind == SMI_EVENT_STOPPED ||
			event.kind == SMI_EVENT_SIGNAL)) {
		if (ptrace(PTRACE_SYSCALL, event.tid, NULL,
			   (long)event.signal) < 0)
			return -errno;
		ret = next_event(in, &event);
	}
	if (ret < 0)
		return ret;
	return event.kind == SMI_EVENT_CALL ? 0 : -ESRCH;
}

static int go_to_call_stop(struct injection *in)
{
	if (ptrace(PTRACE_SYSCALL, in->thread.tid, NULL, NULL) < 0)
		return -errno;
	return next_call_stop(in);
}

static struct user_regs_struct registers_of_call(const struct injection *in,
						 long call, long argument)
{
	struct user_regs_struct regs = in->thread.regs;

	regs.rip = in->code.call;
	regs.rsp = in->thread.frame.sp;
	regs.rax = (unsigned long long)call;
	regs.rdi = (unsigned long long)argument;
	regs.orig_rax = (unsigned long long)-1;
	regs.eflags = CLEAN_FLAGS;
	return regs;
}

/* From a state that leads to the call, past its exit. */
static int run_call(struct injection *in, long *ret_result)
{
	struct user_regs_struct regs;
	int ret = go_to_call_stop(in);

	if (ret < 0)
		return ret;
	smi_step("call entered");
	ret = go_to_call_stop(in);
	if (ret < 0)
		return ret;
	smi_step("call made");
	ret = smi_x86_get_registers(in->thread.tid, &regs);
	if (!ret)
		*ret_result = (long)regs.rax;
	return ret;
}

static int call_uffd(struct injection *in, long *ret_result)
{
	struct user_regs_struct regs = registers_of_call(
		in, SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | USER_MODE_ONLY);
	pid_t tid = in->thread.tid;
	int ret = smi_x86_set_options(tid, in->thread.has_filter);

	if (!ret)
		ret = smi_x86_set_registers(tid, &regs);
	smi_step("registers set");
	if (!ret)
		ret = smi_x86_set_mask(tid, UINT64_MAX);
	smi_step("signals blocked");
	return ret ? ret : run_call(in, ret_result);
}

static int wait_until_stopped(struct injection *in)
{
	struct smi_event event;
	int ret = next_event(in, &event);

	while (!ret && event.kind == SMI_EVENT_SIGNAL) {
		smi_event_deliver(&event);
		ret = next_event(in, &event);
	}
	if (ret < 0)
		return ret;
	return event.kind == SMI_EVENT_STOPPED ? 0 : -ESRCH;
}

/* From the entry of a call the thread makes the call, and stops then. */
static int interrupt_again(const struct injection *in)
{
	if (ptrace(PTRACE_INTERRUPT, in->thread.tid, NULL, NULL) < 0)
		return -errno;
	smi_step("interrupted again");
	return 0;
}

static int continue_into_stop(struct injection *in)
{
	int ret;

	if (ptrace(PTRACE_CONT, in->thread.tid, NULL, NULL) < 0)
		return -errno;
	ret = wait_until_stopped(in);
	in->is_as_found = !ret;
	return ret;
}

static int call_close(struct injection *in, long fd)
{
	struct user_regs_struct regs = registers_of_call(in, SYS_close, fd);
	int ret = smi_x86_set_registers(in->thread.tid, &regs);

	smi_step("registers set to close");
	if (!ret)
		ret = go_to_call_stop(in);
	smi_step("close entered");
	if (!ret)
		ret = interrupt_again(in);
	if (!ret)
		ret = continue_into_stop(in);
	smi_step("descriptor closed");
	return ret;
}

/* Back into a stop like that in which it was found. */
static int put_back(struct injection *in)
{
	pid_t tid = in->thread.tid;
	int ret = smi_x86_set_mask(tid, in->thread.mask);

	smi_step("mask restored");
	if (!ret && !in->is_as_found)
		ret = interrupt_again(in);
	if (!ret)
		ret = smi_x86_set_registers(tid, &in->thread.regs);
	smi_step("registers restored");
	if (!ret && !in->is_as_found)
		ret = continue_into_stop(in);
	smi_step("put back");
	if (!ret)
		ret = smi_x86_clear_options(tid);
	return ret;
}

static int call_failed(pid_t pid, int code, struct smudge_error *err)
{
	if (code == -ENOSYS)
		return smudge_error_set(err, code, WHERE,
					"this kernel has no userfaultfd");
	return smudge_error_set(err, code, WHERE,
				"process %d cannot make a userfaultfd: %s",
				(int)pid, strerror(-code));
}

static int take_over(struct injection *in, long fd, int *ret_uffd,
		     struct smudge_error *err)
{
	const struct smi_target *target = in->stop->target;
	long ours = syscall(SYS_pidfd_getfd, target->pidfd, fd, 0);
	int code = ours < 0 ? -errno : 0;

	if (code)
		return smudge_error_set(err, code, WHERE,
					"cannot take the userfaultfd from "
					"process %d: %s",
					(int)target->pid, strerror(-code));
	smi_step("descriptor taken");
	*ret_uffd = (int)ours;
	return 0;
}

/*
 * Return: 0, or the failure that the caller should report. If the target was
 * killed meanwhile, that is -ESRCH.
 */
static int make_and_take(struct injection *in, int *ret_uffd,
			 struct smudge_error *err)
{
	long fd = -1;
	int ret = call_uffd(in, &fd);

	if (ret < 0)
		return ret;
	if (fd < 0)
		return call_failed(in->stop->target->pid, (int)fd, err);
	ret = take_over(in, fd, ret_uffd, err);
	if (call_close(in, fd) < 0 && !ret) {
		close(*ret_uffd);
		ret = -ESRCH;
	}
	return ret;
}

static int run(struct injection *in, int *ret_uffd, struct smudge_error *err)
{
	pid_t pid = in->stop->target->pid;
	int uffd = -1;
	int ret = write_frame(in);

	if (!ret) {
		ret = make_and_take(in, &uffd, err);
		if (put_back(in) < 0 && !ret) {
			close(uffd);
			ret = -ESRCH;
		}
	}
	if (!ret)
		*ret_uffd = uffd;
	else if (ret == -ESRCH)
		smudge_error_set(err, ret, WHERE, "process %d has ended",
				 (int)pid);
	return ret;
}

int smi_arch_make_uffd(struct smi_stop *stop, int *ret_uffd,
		       struct smudge_error *err)
{
	struct injection in = {.stop = stop, .code = stop->target->code};
	pid_t pid = stop->target->pid;
	int ret = 0;

	/* An exec may have come since it was searched. */
	if (!smi_x86_code_is_there(pid, &in.code))
		ret = smi_x86_code_find(pid, &in.code, err);
	if (ret < 0)
		return ret;
	ret = smi_x86_choose(stop, &in.thread, err);
	if (ret < 0)
		return ret;
	smi_step("thread chosen");
	return run(&in, ret_uffd, err);
}
