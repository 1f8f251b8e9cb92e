/* SPDX-License-Identifier: MIT */
/*
 * membarrier(2), private and expedited: the kernel interrupts the processors
 * that run threads of this process. Threads that do not run passed a full
 * barrier when they were switched out. Also the TLB shootdown, which can
 * replace it when it is forbidden. errno is kept, since callers of takes do not
 * expect it to change.
 */
#include "sys/barrier.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

static bool membarrier_does(int command)
{
	int saved = errno;
	long ret = syscall(SYS_membarrier, command, 0, 0);

	errno = saved;
	return ret == 0;
}

bool smi_sys_barrier_register(void)
{
	return membarrier_does(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

bool smi_sys_barrier(void)
{
	/*
	 * Seq_cst, pairs with nothing elsewhere: a process with one thread is
	 * answered without a barrier, and the compiler must not move either.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	if (membarrier_does(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return true;
	/* Not registered: after an execve, or the caller did not register. */
	return smi_sys_barrier_register() &&
	       membarrier_does(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

bool smi_sys_barrier_slow(void)
{
	return smi_sys_barrier_shootdown() || smi_sys_barrier_walk();
}

#if defined(__x86_64__) || defined(__i386__)

/*
 * With INVLPGB the kernel may flush by broadcast, without an interrupt. A
 * hypervisor may flush for its guest, also without one. Of the hypervisors only
 * KVM is known to interrupt: it leaves out processors that it has switched out,
 * and the switch is a barrier too.
 */
static bool shootdown_interrupts(void)
{
	unsigned int a, b, c, d;

	if (__get_cpuid(0x80000008, &a, &b, &c, &d) && (b & 1 << 3))
		return false; /* INVLPGB */
	if (!__get_cpuid(1, &a, &b, &c, &d))
		return false;
	if (!(c & 1U << 31))
		return true; /* no hypervisor */
	__cpuid(0x40000000, a, b, c, d);
	return b == 0x4b4d564b && c == 0x564b4d56 && d == 0x4d; /* KVM */
}

/* A whole page of the library, so that no other data changes with it. */
#define PAGE_BYTES 4096
static _Alignas(PAGE_BYTES) volatile char page[PAGE_BYTES];

/* The page is written first, so that it has a page-table entry to flush. */
static bool shoot_down(void)
{
	int saved = errno;
	bool is_done =
		mprotect((void *)page, PAGE_BYTES, PROT_READ | PROT_WRITE) == 0;

	if (is_done) {
		page[0]++;
		is_done = mprotect((void *)page, PAGE_BYTES, PROT_READ) == 0;
	}
	errno = saved;
	return is_done;
}

bool smi_sys_barrier_shootdown(void)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	bool is_done;

	/* Do not wait: a fork may have copied it in the locked state. */
	if (!shootdown_interrupts() || pthread_mutex_trylock(&one_at_a_time))
		return false;
	/* Seq_cst: for this thread, which is not interrupted. */
	atomic_thread_fence(memory_order_seq_cst);
	is_done = shoot_down();
	atomic_thread_fence(memory_order_seq_cst);
	pthread_mutex_unlock(&one_at_a_time);
	return is_done;
}

#else

bool smi_sys_barrier_shootdown(void)
{
	return false; /* its instructions interrupt no other thread */
}

#endif
