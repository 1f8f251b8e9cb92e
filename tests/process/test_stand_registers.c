/* SPDX-License-Identifier: MIT */
/*
 * Registers and signals of threads, compared with what the threads themselves
 * put there: two that compute with values of their own in every general, SSE
 * and AVX register, and one that waits in a call with a signal pending.
 */
#include <cpuid.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <unistd.h>

#include "other.h"
#include "proc_of.h"
#include "stand.h"
#include "support.h"

#define NSPINNERS 2
#define NGENERAL  14
#define NVECTOR	  16
#define STOPS	  200
#define MXCSR	  0x5f80 /* rounds upwards; no exception */
#define BIT(n)	  (UINT64_C(1) << ((n)-1))

struct values {
	uint64_t general[NGENERAL];
	uint64_t vector[NVECTOR][4];
	uint32_t mxcsr;
	_Atomic uint32_t is_spinning; /* all of these are in its registers */
};

/* Shared with the target. */
struct shared {
	struct values values[NSPINNERS];
	_Atomic pid_t spinners[NSPINNERS], waiter;
};

static struct shared *shared;

_Static_assert(offsetof(struct values, vector) == 112, "the code below");
_Static_assert(offsetof(struct values, mxcsr) == 624, "the code below");
_Static_assert(offsetof(struct values, is_spinning) == 628, "the code below");

_Noreturn void spin_avx(struct values *values);
_Noreturn void spin_sse(struct values *values);

/* In the order of struct values: rax, rbx, rcx, rdx, rsi, rbp, r8 to r15. */
/* clang-format off */
#define SPIN(name, load, size)						\
__asm__(								\
"	.text\n"							\
"	.globl " #name "\n"						\
#name ":\n"								\
"	ldmxcsr 624(%rdi)\n"						\
"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"		\
"	" load " 112+32*\\n(%rdi), %" size "\\n\n"			\
"	.endr\n"							\
"	mov (%rdi), %rax\n	mov 8(%rdi), %rbx\n"			\
"	mov 16(%rdi), %rcx\n	mov 24(%rdi), %rdx\n"			\
"	mov 32(%rdi), %rsi\n	mov 40(%rdi), %rbp\n"			\
"	mov 48(%rdi), %r8\n	mov 56(%rdi), %r9\n"			\
"	mov 64(%rdi), %r10\n	mov 72(%rdi), %r11\n"			\
"	mov 80(%rdi), %r12\n	mov 88(%rdi), %r13\n"			\
"	mov 96(%rdi), %r14\n	mov 104(%rdi), %r15\n"			\
"	movl $1, 628(%rdi)\n"						\
"	.globl " #name "_loop\n"					\
#name "_loop:\n"							\
"1:	pause\n"							\
"	jmp 1b\n"							\
"	.globl " #name "_end\n"						\
#name "_end:\n")

SPIN(spin_avx, "vmovdqu", "ymm");
SPIN(spin_sse, "movdqu", "xmm");
/* clang-format on */

extern const char spin_avx_loop[], spin_avx_end[];
extern const char spin_sse_loop[], spin_sse_end[];

static bool has_avx(void)
{
	return __builtin_cpu_supports("avx");
}

static pid_t own_tid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static void *spin(void *opaque)
{
	size_t i = (size_t)opaque;

	atomic_store(&shared->spinners[i], own_tid());
	if (has_avx())
		spin_avx(&shared->values[i]);
	spin_sse(&shared->values[i]);
}

static void block(int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *wait_with_signal(void *opaque)
{
	block(SIGUSR1);
	pthread_kill(pthread_self(), SIGUSR1);
	atomic_store(&shared->waiter, own_tid());
	for (;;)
		syscall(SYS_pause);
	return opaque;
}

/* The spinners are in their loops, and the waiter in its call. */
static bool are_there(void)
{
	pid_t waiter = atomic_load(&shared->waiter);

	for (size_t i = 0; i < NSPINNERS; i++)
		if (!atomic_load(&shared->values[i].is_spinning))
			return false;
	return waiter && proc_of_thread_state(getpid(), waiter) == 'S';
}

/* All threads block the signal of the process. */
static bool start_threads(void *opaque)
{
	pthread_t thread;

	block(SIGUSR2);
	kill(getpid(), SIGUSR2);
	for (size_t i = 0; i < NSPINNERS; i++)
		if (pthread_create(&thread, NULL, spin, (void *)i))
			return false;
	if (pthread_create(&thread, NULL, wait_with_signal, opaque))
		return false;
	while (!are_there())
		usleep(100);
	return true;
}

static void choose_values(void)
{
	struct test_rng rng = test_rng_start("process/registers");

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	for (unsigned int i = 0; i < NSPINNERS; i++) {
		struct values *v = &shared->values[i];

		v->mxcsr = MXCSR;
		for (unsigned int j = 0; j < NGENERAL; j++)
			v->general[j] = test_rng_below(&rng, UINT64_MAX);
		for (unsigned int j = 0; j < NVECTOR * 4; j++)
			v->vector[j / 4][j % 4] =
				test_rng_below(&rng, UINT64_MAX);
	}
}

static void expect_general(const struct user_regs_struct *r,
			   const struct values *v)
{
	const uint64_t now[NGENERAL] = {r->rax, r->rbx, r->rcx, r->rdx, r->rsi,
					r->rbp, r->r8,	r->r9,	r->r10, r->r11,
					r->r12, r->r13, r->r14, r->r15};
	const char *loop = has_avx() ? spin_avx_loop : spin_sse_loop;
	const char *end = has_avx() ? spin_avx_end : spin_sse_end;

	for (unsigned int i = 0; i < NGENERAL; i++)
		assert_int_equal(now[i], v->general[i]);
	assert_int_equal(r->rdi, (uintptr_t)v);
	assert_true(r->rip >= (uintptr_t)loop && r->rip < (uintptr_t)end);
	assert_int_equal(r->orig_rax, -1);
}

static void expect_floating(const struct user_fpregs_struct *f,
			    const struct values *v)
{
	assert_int_equal(f->mxcsr, v->mxcsr);
	for (unsigned int i = 0; i < NVECTOR; i++)
		assert_memory_equal(f->xmm_space + 4L * i, v->vector[i], 16);
}

/* The upper halves of AVX's registers, where the processor says. */
static void expect_extended(const struct smudge_process_thread *t,
			    const struct values *v)
{
	const char *extended = t->extended;
	unsigned int size, offset, flags, none;

	assert_non_null(extended);
	assert_true(t->extended_bytes >= 576);
	assert_memory_equal(extended, t->floating, 416);
	if (!has_avx())
		return;
	__cpuid_count(0xd, 2, size, offset, flags, none);
	assert_true(offset + size <= t->extended_bytes);
	for (unsigned int i = 0; i < NVECTOR; i++)
		assert_memory_equal(extended + offset + 16UL * i,
				    &v->vector[i][2], 16);
}

static void expect_waiter(const struct smudge_process_thread *t)
{
	const struct user_regs_struct *r = t->general;

	/*
	 * Interrupted, to be made again if there is no handler; or it is about
	 * to be made again, if it did not run since the stop before, or an
	 * interrupt came first.
	 */
	if (r->rax == SYS_pause) {
		assert_true(r->orig_rax == SYS_pause ||
			    r->orig_rax == (unsigned long long)-1);
	} else {
		assert_int_equal(r->orig_rax, SYS_pause);
		assert_int_equal((long long)r->rax, -514);
	}
	assert_int_equal(t->blocked_signals, BIT(SIGUSR1) | BIT(SIGUSR2));
	assert_int_equal(t->pending_signals, BIT(SIGUSR1));
}

struct seen {
	unsigned int nthreads, nspinners, nwaiters;
	pid_t first;
};

static void see(void *opaque, const struct smudge_process_thread *t)
{
	struct seen *seen = opaque;

	if (!seen->nthreads++)
		seen->first = t->tid;
	assert_int_equal(t->size, sizeof(*t));
	assert_int_equal(t->general_bytes, sizeof(struct user_regs_struct));
	assert_int_equal(t->floating_bytes, sizeof(struct user_fpregs_struct));
	assert_int_equal(t->siginfo_bytes, sizeof(siginfo_t));
	assert_int_equal(t->process_pending_signals, BIT(SIGUSR2));
	for (unsigned int i = 0; i < NSPINNERS; i++) {
		if (t->tid != atomic_load(&shared->spinners[i]))
			continue;
		seen->nspinners++;
		expect_general(t->general, &shared->values[i]);
		expect_floating(t->floating, &shared->values[i]);
		expect_extended(t, &shared->values[i]);
		assert_int_equal(t->blocked_signals, BIT(SIGUSR2));
		assert_int_equal(t->pending_signals, 0);
	}
	if (t->tid == atomic_load(&shared->waiter)) {
		seen->nwaiters++;
		expect_waiter(t);
	}
}

static void test_registers(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct stand s;
	pid_t pid;

	test_need_uffd();
	choose_values();
	pid = other_start(start_threads, NULL);
	assert_true(pid > 0);
	stand_open(&s, pid, &stand_by_uffd);
	for (int i = 0; i < STOPS; i++) {
		struct seen seen = {0};

		stand_stop(&s);
		assert_int_equal(
			smudge_process_each_thread(s.process, see, &seen, &err),
			0);
		stand_continue(&s);
		assert_int_equal(seen.first, pid);
		assert_int_equal(seen.nthreads, NSPINNERS + 2);
		assert_int_equal(seen.nspinners, NSPINNERS);
		assert_int_equal(seen.nwaiters, 1);
		usleep(500);
	}
	stand_close(&s);
	other_end(pid);
	munmap(shared, sizeof(*shared));
}

TEST_MAIN(test_registers)
