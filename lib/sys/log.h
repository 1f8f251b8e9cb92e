/* SPDX-License-Identifier: MIT */
/*
 * Messages of the library to the program (smudge/log.h).
 *
 * A message is noted where it arises, under whatever locks, in a ring of fixed
 * size. It is delivered where the outermost public call on a thread ends, when
 * the call holds no lock any more: SMI_SYS_LOG_SCOPE says where that is. So a
 * program's function never runs under a lock of the library, and may take locks
 * under which other threads call the library. A message that was noted in a
 * call without a scope waits for the next scope that ends, on any thread.
 *
 * Not for marks: the lock of the ring is not for signal handlers.
 */
#ifndef LIB_SYS_LOG_H
#define LIB_SYS_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/log.h>

/* Messages of one kind, and the time in which no more of them are noted. */
#define SMI_SYS_LOG_BURST     8
#define SMI_SYS_LOG_WINDOW_NS UINT64_C(10000000000)
/* Noted and not delivered yet. */
#define SMI_SYS_LOG_ROOM 32

/* One place in the code that notes messages: a kind. */
struct smi_sys_log_kind {
	uint64_t window_ns; /* its begin; the log's lock, as all here */
	uint64_t noted;	    /* in the window */
	uint64_t left_out;  /* since the last one that was noted */
};

/* The last level that an open log wants; 0 while none is open. */
extern _Atomic int smi_sys_log_level;
extern _Atomic unsigned int smi_sys_log_npending;
extern _Thread_local unsigned int smi_sys_log_depth
	__attribute__((tls_model("initial-exec")));

/* Relaxed: a log that is opened meanwhile gets the next message. */
static inline bool smi_sys_log_wants(enum smudge_log_level level)
{
	return (int)level <=
	       atomic_load_explicit(&smi_sys_log_level, memory_order_relaxed);
}

/*
 * SMI_SYS_LOG - note a message, if a log wants it
 * @where: string; also a source's name
 *
 * Further arguments: a printf format and what it needs; lower case, without a
 * full stop. Locks: any may be held. Keeps errno, needs no memory.
 */
#define SMI_SYS_LOG(level, where, ...)                                   \
	do {                                                             \
		static struct smi_sys_log_kind kind_of_message;          \
		if (smi_sys_log_wants(level))                            \
			smi_sys_log_note(&kind_of_message, level, where, \
					 __VA_ARGS__);                   \
	} while (0)

void smi_sys_log_note(struct smi_sys_log_kind *kind,
		      enum smudge_log_level level, const char *where,
		      const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Deliver what is noted. No lock of the library is held. Keeps errno. */
void smi_sys_log_deliver(void);

static inline int smi_sys_log_enter(void)
{
	smi_sys_log_depth++;
	return 0;
}

static inline void smi_sys_log_leave(const int *scope)
{
	/* Relaxed: what another thread notes is that thread's to deliver. */
	if (--smi_sys_log_depth == 0 &&
	    atomic_load_explicit(&smi_sys_log_npending, memory_order_relaxed))
		smi_sys_log_deliver();
}

/*
 * Deliver messages where this scope ends, unless it is within another one. To
 * be declared before any lock is taken, so that it ends after these.
 */
#define SMI_SYS_LOG_SCOPE()                                 \
	__attribute__((unused, cleanup(smi_sys_log_leave))) \
	const int log_of_scope = smi_sys_log_enter()

#endif
