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

#include "sys/log.h"

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

static bool is_registered(void)
{
	return membarrier_does(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

static bool is_expedited(void)
{
	/*
	 * Seq_cst, pairs with nothing elsewhere: a process with one thread is
	 * answered without a barrier, and the compiler must not move either.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	if (membarrier_does(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return true;
	/* Not registered: after an execve, or the caller did not register. */
	return is_registered() &&
	       membarrier_does(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

/* Did @state change? Only a log reads it, so nothing orders it: relaxed. */
static bool is_news(_Atomic int *state, int now)
{
	return smi_sys_log_wants(SMUDGE_LOG_WARNING) &&
	       atomic_exchange_explicit(state, now, memory_order_relaxed) !=
		       now;
}

/* Return: @works. */
static bool tell(bool works)
{
	static _Atomic int is_refused;

	if (!is_news(&is_refused, !works))
		return works;
	if (works)
		SMI_SYS_LOG(SMUDGE_LOG_INFO, "barrier",
			    "membarrier(2) works again");
	else
		SMI_SYS_LOG(SMUDGE_LOG_WARNING, "barrier",
			    "membarrier(2) is refused (a seccomp filter?): "
			    "each mark costs a fence from now on");
	return works;
}

bool smi_sys_barrier_register(void)
{
	return tell(is_registered());
}

bool smi_sys_barrier(void)
{
	return tell(is_expedited());
}

enum way {
	BY_SHOOTDOWN = 1,
	BY_WALK,
	BY_NONE
};

static void tell_slow(enum way way)
{
	static _Atomic int last;

	if (!is_news(&last, (int)way))
		return;
	if (way == BY_NONE)
		SMI_SYS_LOG(SMUDGE_LOG_WARNING, "barrier",
			    "no other barrier works instead of membarrier(2): "
			    "pages that are taken stay dirty, and what is "
			    "removed is not freed, until one works");
	else
		SMI_SYS_LOG(SMUDGE_LOG_INFO, "barrier",
			    "%s is the barrier instead of membarrier(2)",
			    way == BY_WALK ? "a walk over all processors"
					   : "a TLB shootdown");
}

bool smi_sys_barrier_slow(void)
{
	enum way way = smi_sys_barrier_shootdown() ? BY_SHOOTDOWN
		       : smi_sys_barrier_walk()	   ? BY_WALK
						   : BY_NONE;

	tell_slow(way);
	return way != BY_NONE;
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
