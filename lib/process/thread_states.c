/* SPDX-License-Identifier: MIT */
/*
 * A record for each thread, all of one size: that of the first one's registers,
 * which depends on the processor. Some six calls of ptrace(2) for each.
 */
#include "process/thread_states.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>

#include "process/arch.h"
#include "process/proc.h"
#include "process/step.h"

#define WHERE	     "process"
#define ALIGN_BYTES  64
#define MASK_BYTES   8
#define PEEK_SIGNALS 32
#define FROM_PROCESS 1 /* PTRACE_PEEKSIGINFO_SHARED */

/* Linux 3.10 */
#define PEEK_SIGINFO 0x4209
struct peek {
	uint64_t first;
	uint32_t flags;
	int32_t count;
};

struct record {
	pid_t tid;
	bool has_siginfo;
	uint64_t blocked, pending, shared_pending;
	struct smi_arch_registers sets;
	siginfo_t siginfo;
	_Alignas(ALIGN_BYTES) char registers[];
};

static struct record *record_at(const struct smi_thread_states *states,
				size_t i)
{
	return (struct record *)(void *)(states->memory +
					 i * states->stride_bytes);
}

static uint64_t bits_of(const siginfo_t *infos, long n)
{
	uint64_t bits = 0;

	for (long i = 0; i < n; i++)
		bits |= UINT64_C(1) << (infos[i].si_signo - 1) % 64;
	return bits;
}

/* Many signals may be queued; then /proc is quicker. */
static int read_pending(pid_t pid, pid_t tid, uint32_t flags, uint64_t *ret)
{
	const struct peek peek = {.flags = flags, .count = PEEK_SIGNALS};
	char text[SMI_PROC_TEXT_BYTES];
	siginfo_t infos[PEEK_SIGNALS];
	long n = ptrace(PEEK_SIGINFO, tid, &peek, infos);

	if (n < 0)
		return -errno;
	*ret = bits_of(infos, n);
	if (n < PEEK_SIGNALS)
		return 0;
	n = smi_proc_read(smi_proc_open_thread(pid, tid, "status"), text,
			  sizeof(text));
	if (n < 0)
		return (int)n;
	*ret |= smi_proc_number(text, flags ? "ShdPnd" : "SigPnd", 16, 0);
	return 0;
}

static int read_signals(pid_t pid, struct record *r)
{
	int ret;

	if (ptrace(PTRACE_GETSIGMASK, r->tid, (long)MASK_BYTES, &r->blocked) <
	    0)
		return -errno;
	/* A stop by a signal has none. */
	r->has_siginfo =
		ptrace(PTRACE_GETSIGINFO, r->tid, NULL, &r->siginfo) == 0;
	if (!r->has_siginfo && errno != EINVAL)
		return -errno;
	ret = read_pending(pid, r->tid, 0, &r->pending);
	return ret ? ret
		   : read_pending(pid, r->tid, FROM_PROCESS,
				  &r->shared_pending);
}

/* Room for all, by the size that the first one's registers have. */
static int make_room(const struct smi_stop *stop,
		     struct smi_thread_states *states)
{
	_Alignas(ALIGN_BYTES) char registers[SMI_ARCH_REGISTERS_MAX_BYTES];
	struct smi_arch_registers sets;
	size_t bytes;
	void *memory;
	int ret = smi_arch_read_registers(stop->threads.of[0].tid, registers,
					  sizeof(registers), &sets);

	if (ret < 0)
		return ret;
	bytes = sizeof(struct record) + sets.general_bytes +
		sets.floating_bytes + sets.extended_bytes;
	bytes = (bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
	memory = mmap(NULL, bytes * stop->threads.nthreads,
		      PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	states->memory = memory;
	states->nbytes = bytes * stop->threads.nthreads;
	states->stride_bytes = bytes;
	return 0;
}

static int read_all(const struct smi_stop *stop,
		    struct smi_thread_states *states)
{
	int ret = make_room(stop, states);

	for (size_t i = 0; i < stop->threads.nthreads && !ret; i++) {
		struct record *r = record_at(states, i);

		r->tid = stop->threads.of[i].tid;
		ret = smi_arch_read_registers(r->tid, r->registers,
					      states->stride_bytes - sizeof(*r),
					      &r->sets);
		if (!ret)
			ret = read_signals(stop->target->pid, r);
		states->nthreads = i + 1;
		smi_step("thread read");
	}
	return ret;
}

int smi_thread_states_read(const struct smi_stop *stop,
			   struct smi_thread_states *states,
			   struct smudge_error *err)
{
	pid_t pid = stop->target->pid;
	int ret = read_all(stop, states);

	if (ret == -ESRCH)
		return smudge_error_set(err, ret, WHERE, "process %d has ended",
					(int)pid);
	if (ret < 0)
		return smudge_error_set(err, ret == -ENOMEM ? ret : -EIO, WHERE,
					"cannot read the registers of process "
					"%d: %s",
					(int)pid, strerror(-ret));
	return 0;
}

void smi_thread_states_get(const struct smi_thread_states *states, size_t i,
			   struct smudge_process_thread *ret_thread)
{
	const struct record *r = record_at(states, i);
	const char *floating = r->registers + r->sets.general_bytes;

	*ret_thread = (struct smudge_process_thread){
		.size = sizeof(*ret_thread),
		.tid = r->tid,
		.general = r->registers,
		.general_bytes = r->sets.general_bytes,
		.floating = floating,
		.floating_bytes = r->sets.floating_bytes,
		.extended_bytes = r->sets.extended_bytes,
		.blocked_signals = r->blocked,
		.pending_signals = r->pending,
		.process_pending_signals = r->shared_pending,
	};
	if (r->sets.extended_bytes)
		ret_thread->extended = floating + r->sets.floating_bytes;
	if (r->has_siginfo) {
		ret_thread->siginfo = &r->siginfo;
		ret_thread->siginfo_bytes = sizeof(r->siginfo);
	}
}

void smi_thread_states_free(struct smi_thread_states *states)
{
	if (states->memory)
		munmap(states->memory, states->nbytes);
	*states = (struct smi_thread_states){0};
}
