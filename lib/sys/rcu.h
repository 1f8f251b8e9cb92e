/* SPDX-License-Identifier: MIT */
/*
 * Grace periods, by liburcu's bulletproof flavour: a host program's threads
 * need no registration.
 *
 * Pointers are published with C11 atomics, RCU only says when nobody reads
 * the old one any more. ThreadSanitizer does not see liburcu's ordering, so
 * it is told: what a reader did happens before the end of a grace period.
 */
#ifndef LIB_SYS_RCU_H
#define LIB_SYS_RCU_H

#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu/urcu-bp.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
extern char smi_rcu_tsan_token;
#define SMI_TSAN_READER_DONE() __tsan_release(&smi_rcu_tsan_token)
#define SMI_TSAN_GRACE_OVER()  __tsan_acquire(&smi_rcu_tsan_token)
#else
#define SMI_TSAN_READER_DONE() ((void)0)
#define SMI_TSAN_GRACE_OVER()  ((void)0)
#endif

static inline void smi_rcu_read_lock(void)
{
	urcu_bp_read_lock();
}

static inline void smi_rcu_read_unlock(void)
{
	SMI_TSAN_READER_DONE();
	urcu_bp_read_unlock();
}

/*
 * Wait until every reader that began before has ended. A full barrier for
 * all of them: what they stored before or while reading is visible.
 */
static inline void smi_rcu_synchronize(void)
{
	urcu_bp_synchronize_rcu();
	SMI_TSAN_GRACE_OVER();
}

#endif
