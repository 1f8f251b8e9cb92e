/* SPDX-License-Identifier: MIT */
/*
 * The layout is that of the kernel's own code for signals on x86.
 */
#include "process/x86_frame.h"

#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

/* What the kernel wants around the state. */
#define SOFTWARE_OFFSET 464 /* struct _fpx_sw_bytes in the legacy part */
#define HEADER_OFFSET	512
#define LEGACY_BYTES	576 /* with the header */
#define HEAD_OFFSET	8
#define MAGIC1		0x46505853u
#define MAGIC2		0x46505845u
#define DYNAMIC		(UINT64_C(3) << 17) /* AMX: its size depends */
#define FLAGS		7 /* UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS */
#define XSTATE_LEAF	0xd
#define FIRST_EXTENDED	2 /* of the features; x87 and SSE come before */
#define NFEATURES	63
#define NO_STACK	4 /* no valid ss_flags: sigaltstack stays as it is */

struct software_bytes {
	uint32_t magic1;
	uint32_t extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size;
	uint32_t padding[7];
};

/* struct rt_sigframe as far as rt_sigreturn reads it. */
struct head {
	uint64_t pretcode;
	uint64_t flags, link;
	uint64_t stack_sp;
	uint32_t stack_flags, padding;
	uint64_t stack_size;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t di, si, bp, bx, dx, ax, cx, sp, ip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate;
	uint64_t reserved[8];
	uint64_t mask;
};

/* Where the state of each feature ends; 0: it was not asked for. */
static uint32_t ends[NFEATURES];
static pthread_once_t ends_once = PTHREAD_ONCE_INIT;

static uint32_t ask_end(unsigned int feature)
{
	unsigned int size, offset, flags, none;

	__cpuid_count(XSTATE_LEAF, feature, size, offset, flags, none);
	return offset + size;
}

static void ask_ends(void)
{
	unsigned int low, high, none;
	uint64_t known;

	if (!__get_cpuid_count(XSTATE_LEAF, 0, &low, &none, &none, &high))
		return;
	known = (uint64_t)high << 32 | low;
	for (unsigned int i = FIRST_EXTENDED; i < NFEATURES; i++)
		if (known >> i & 1)
			ends[i] = ask_end(i);
}

void smi_x86_frame_prepare(void)
{
	pthread_once(&ends_once, ask_ends);
}

/* Where the state of the last of the features ends. */
static uint32_t state_bytes(uint64_t xfeatures)
{
	uint32_t last = LEGACY_BYTES;

	for (unsigned int i = FIRST_EXTENDED; i < NFEATURES; i++) {
		uint32_t end = 0;

		if (xfeatures >> i & 1)
			end = ends[i] ? ends[i] : ask_end(i);
		if (end > last)
			last = end;
	}
	return last;
}

int smi_x86_frame_read_state(pid_t tid, struct smi_x86_frame *frame)
{
	struct iovec iov = {.iov_base = frame->bytes,
			    .iov_len = SMI_X86_XSTATE_BYTES};
	struct software_bytes software = {.magic1 = MAGIC1};
	uint64_t in_use;

	if (ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &iov) < 0)
		return errno == ESRCH ? -ESRCH : -EOPNOTSUPP;
	if (iov.iov_len < LEGACY_BYTES)
		return -EOPNOTSUPP;
	memcpy(&in_use, frame->bytes + HEADER_OFFSET, sizeof(in_use));
	if (in_use & DYNAMIC)
		return -EBUSY;
	memcpy(&software.xfeatures, frame->bytes + SOFTWARE_OFFSET,
	       sizeof(software.xfeatures));
	software.xfeatures &= ~DYNAMIC;
	software.xstate_size = state_bytes(software.xfeatures);
	if (software.xstate_size > iov.iov_len)
		return -EOPNOTSUPP;
	software.extended_size = software.xstate_size + sizeof(MAGIC2);
	memcpy(frame->bytes + SOFTWARE_OFFSET, &software, sizeof(software));
	memcpy(frame->bytes + software.xstate_size, &(uint32_t){MAGIC2},
	       sizeof(uint32_t));
	frame->nbytes = software.extended_size;
	return 0;
}

static struct head make_head(const struct user_regs_struct *regs)
{
	return (struct head){
		.flags = FLAGS,
		.stack_flags = NO_STACK,
		.r8 = regs->r8,
		.r9 = regs->r9,
		.r10 = regs->r10,
		.r11 = regs->r11,
		.r12 = regs->r12,
		.r13 = regs->r13,
		.r14 = regs->r14,
		.r15 = regs->r15,
		.di = regs->rdi,
		.si = regs->rsi,
		.bp = regs->rbp,
		.bx = regs->rbx,
		.dx = regs->rdx,
		.ax = regs->rax,
		.cx = regs->rcx,
		.sp = regs->rsp,
		.ip = regs->rip,
		.eflags = regs->eflags,
		.cs = (uint16_t)regs->cs,
		.ss = (uint16_t)regs->ss,
	};
}

/*
 * In ascending order: the head, then the state. The head begins 8 bytes past a
 * multiple of 16, as the frame of a called function does.
 */
void smi_x86_frame_build(struct smi_x86_frame *frame,
			 const struct user_regs_struct *regs, uint64_t mask,
			 uint64_t restorer, uint64_t below)
{
	struct head head = make_head(regs);
	size_t room = (HEAD_OFFSET + sizeof(head) + 63) & ~(size_t)63;
	uint64_t state = (below - frame->nbytes) & ~UINT64_C(63);

	head.pretcode = restorer;
	head.mask = mask;
	head.fpstate = state;
	memmove(frame->bytes + room, frame->bytes, frame->nbytes);
	memset(frame->bytes, 0, room);
	memcpy(frame->bytes + HEAD_OFFSET, &head, sizeof(head));
	frame->nbytes += room;
	frame->at = state - room;
	frame->sp = frame->at + HEAD_OFFSET;
}
