/* SPDX-License-Identifier: MIT */
/*
 * Each thread is asked in several passes, for the best kind of thread first;
 * what rules a thread out is a sentence.
 */
#include "process/x86_choose.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>

#include "process/memory_of.h"
#include "process/proc.h"
#include "process/x86_ptrace.h"
#include "process/x86_stack.h"

#define WHERE "process"
/* Below the frame, for a handler in case we are killed. */
#define SPARE_BYTES 12288
#define USER_CS	    0x33

/* Linux 5.13 */
#define GET_RSEQ_CONFIGURATION 0x420f
struct rseq_configuration {
	uint64_t pointer;
	uint32_t size, signature, flags, padding;
};

/* struct rseq_cs */
struct rseq_section {
	uint32_t version, flags;
	uint64_t start, length, abort;
};

enum pass {
	IN_CALL_WITHOUT_FILTER,
	WITHOUT_FILTER,
	IN_CALL,
	ANY,
	NPASSES
};

static bool is_in_call(const struct smi_x86_chosen *t)
{
	return (long long)t->regs.orig_rax >= 0;
}

/*
 * In a restartable sequence? If it cannot be known it is assumed. A thread in a
 * system call is in none.
 */
static bool is_in_sequence(pid_t pid, const struct smi_x86_chosen *t)
{
	struct rseq_configuration rseq = {0};
	struct rseq_section section;
	uint64_t at;

	if (is_in_call(t))
		return false;
	if (ptrace(GET_RSEQ_CONFIGURATION, t->tid, sizeof(rseq), &rseq) < 0)
		return errno != EIO; /* EIO: a kernel without them */
	if (!rseq.pointer)
		return false;
	if (!smi_memory_of_read(pid, rseq.pointer + 8, &at, sizeof(at)))
		return true;
	if (!at)
		return false;
	if (!smi_memory_of_read(pid, at, &section, sizeof(section)))
		return true;
	return t->regs.rip - section.start < section.length;
}

/* Its text is not as expected: as if it had one. */
static bool has_filter(pid_t pid, pid_t tid)
{
	char text[SMI_PROC_TEXT_BYTES];
	long n = smi_proc_read(smi_proc_open_thread(pid, tid, "status"), text,
			       sizeof(text));

	return n < 0 || smi_proc_number(text, "Seccomp", 10, 0) != 0;
}

static bool suits(const struct smi_x86_chosen *t, enum pass pass)
{
	if (pass == IN_CALL_WITHOUT_FILTER || pass == WITHOUT_FILTER)
		return !t->has_filter &&
		       (pass == WITHOUT_FILTER || is_in_call(t));
	return pass == ANY || is_in_call(t);
}

/* Return: NULL, or why this thread cannot make the call now. */
static const char *obstacle(pid_t pid, struct smi_x86_chosen *t)
{
	int ret;

	if (t->regs.cs != USER_CS)
		return "it runs 32-bit code";
	if (is_in_sequence(pid, t))
		return "it is in a restartable sequence";
	ret = smi_x86_frame_read_state(t->tid, &t->frame);
	if (ret == -EBUSY)
		return "it uses AMX";
	if (ret < 0)
		return "its extended state cannot be read";
	if (smi_x86_stack_free(pid, t->tid, &t->regs) <
	    sizeof(struct user_regs_struct) + 512 + t->frame.nbytes +
		    SPARE_BYTES)
		return "its stack is nearly used up, or has no known end";
	if (t->has_filter && smi_x86_set_options(t->tid, true) < 0)
		return "its seccomp filter may not be suspended";
	return NULL;
}

static bool read_thread(pid_t pid, pid_t tid, struct smi_x86_chosen *t)
{
	t->tid = tid;
	t->has_filter = has_filter(pid, tid);
	return ptrace(PTRACE_GETREGS, tid, NULL, &t->regs) == 0 &&
	       smi_x86_get_mask(tid, &t->mask) == 0;
}

static const char *try_all(const struct smi_stop *stop, enum pass pass,
			   struct smi_x86_chosen *t, const char *why)
{
	pid_t pid = stop->target->pid;

	for (size_t i = 0; i < stop->threads.nthreads && why; i++)
		if (read_thread(pid, stop->threads.of[i].tid, t) &&
		    suits(t, pass))
			why = obstacle(pid, t);
	return why;
}

int smi_x86_choose(const struct smi_stop *stop,
		   struct smi_x86_chosen *ret_chosen, struct smudge_error *err)
{
	const char *why = "it has ended";

	for (int pass = 0; pass < NPASSES && why; pass++)
		why = try_all(stop, (enum pass)pass, ret_chosen, why);
	if (!why)
		return 0;
	return smudge_error_set(err, -EAGAIN, WHERE,
				"no thread of process %d can be used at this "
				"moment; of thread %d: %s",
				(int)stop->target->pid, (int)ret_chosen->tid,
				why);
}
