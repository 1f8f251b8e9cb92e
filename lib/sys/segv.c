/* SPDX-License-Identifier: MIT */
/*
 * The entries: handlers that differ in what they pass on to.
 */
#include "sys/segv.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "sys/rcu.h"

#define NENTRIES 8

struct entry {
	struct sigaction previous; /* written while the entry is unused */
	atomic_bool is_reset;	   /* a SA_RESETHAND handler was called */
	bool is_used;		   /* caller's lock */
};

static struct entry entries[NENTRIES];
static _Atomic(smi_sys_segv_fn) own;

static void on_entry(size_t i, int signal, siginfo_t *info, void *context);

#define ENTRY(i)                                                     \
	static void entry_##i(int signal, siginfo_t *info, void *at) \
	{                                                            \
		on_entry(i, signal, info, at);                       \
	}

ENTRY(0)
ENTRY(1)
ENTRY(2)
ENTRY(3)
ENTRY(4)
ENTRY(5)
ENTRY(6)
ENTRY(7)

static void (*const handlers[NENTRIES])(int, siginfo_t *, void *) = {
	entry_0, entry_1, entry_2, entry_3, entry_4, entry_5, entry_6, entry_7};

/*
 * A fault happens again when the handler returns, now with the default action:
 * the dump shows the program's own instruction. What another process sent is
 * sent again, and is delivered when the handler returns.
 */
static void die(siginfo_t *info)
{
	struct sigaction action = {.sa_handler = SIG_DFL};

	sigaction(SIGSEGV, &action, NULL);
	if (info->si_code <= 0)
		syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGSEGV,
			info);
}

/* The kernel's mask of the interrupted thread is 8 bytes of uc_sigmask. */
static void set_mask(const struct sigaction *action, const void *context)
{
	const ucontext_t *at = context;
	sigset_t before, mask;

	sigemptyset(&before);
	memcpy(&before, &at->uc_sigmask, 8);
	sigorset(&mask, &before, &action->sa_mask);
	if (action->sa_flags & SA_NODEFER) {
		if (!sigismember(&before, SIGSEGV) &&
		    !sigismember(&action->sa_mask, SIGSEGV))
			sigdelset(&mask, SIGSEGV);
	} else {
		sigaddset(&mask, SIGSEGV);
	}
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static bool is_default(const struct sigaction *action, const siginfo_t *info)
{
	if (action->sa_flags & SA_SIGINFO)
		return false;
	/* the kernel lets no fault be ignored */
	return action->sa_handler == SIG_DFL ||
	       (action->sa_handler == SIG_IGN && info->si_code > 0);
}

static void pass_on(struct entry *entry, int signal, siginfo_t *info,
		    void *context)
{
	struct smi_sys_rcu_slot *slot = smi_sys_rcu_read_lock();
	struct sigaction action = entry->previous;

	smi_sys_rcu_read_unlock(slot);
	/* Relaxed: it only says who is first. */
	if (is_default(&action, info) ||
	    (action.sa_flags & SA_RESETHAND &&
	     atomic_exchange_explicit(&entry->is_reset, true,
				      memory_order_relaxed))) {
		die(info);
		return;
	}
	if (!(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_IGN)
		return;
	set_mask(&action, context);
	if (action.sa_flags & SA_SIGINFO)
		action.sa_sigaction(signal, info, context);
	else
		action.sa_handler(signal);
}

static void on_entry(size_t i, int signal, siginfo_t *info, void *context)
{
	int saved = errno;
	/* Acquire: pairs with the release in smi_sys_segv_install. */
	smi_sys_segv_fn fn = atomic_load_explicit(&own, memory_order_acquire);
	bool is_ours = info->si_code == SEGV_ACCERR && fn && fn(info, context);

	errno = saved;
	if (!is_ours)
		pass_on(&entries[i], signal, info, context);
}

/* The entry of an action, or NENTRIES. */
static size_t entry_of(const struct sigaction *action)
{
	size_t i = 0;

	if (!(action->sa_flags & SA_SIGINFO))
		return NENTRIES;
	while (i < NENTRIES && action->sa_sigaction != handlers[i])
		i++;
	return i;
}

static size_t unused(void)
{
	size_t i = 0;

	while (i < NENTRIES && entries[i].is_used)
		i++;
	return i;
}

int smi_sys_segv_install(smi_sys_segv_fn fn)
{
	struct sigaction now, action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
	size_t i = unused();

	/* Release: pairs with the acquire in on_entry. */
	atomic_store_explicit(&own, fn, memory_order_release);
	if (sigaction(SIGSEGV, NULL, &now) < 0)
		return -errno;
	if (entry_of(&now) < NENTRIES)
		return 0;
	if (i == NENTRIES)
		return -EBUSY;
	entries[i].previous = now;
	entries[i].is_used = true;
	/* Relaxed: no handler uses the entry yet. */
	atomic_store_explicit(&entries[i].is_reset, false,
			      memory_order_relaxed);
	action.sa_sigaction = handlers[i];
	action.sa_flags |= now.sa_flags & SA_RESTART;
	/* A handler that stored to protected memory would end the process. */
	sigfillset(&action.sa_mask);
	if (sigaction(SIGSEGV, &action, NULL) == 0)
		return 0;
	entries[i].is_used = false;
	return -errno;
}

/*
 * An entry that is still called, or may be, stays as it is. One that is not is
 * free for the next install, once no handler reads it.
 */
void smi_sys_segv_remove(void)
{
	struct sigaction now;
	size_t i;

	if (sigaction(SIGSEGV, NULL, &now) < 0)
		return;
	i = entry_of(&now);
	if (i == NENTRIES)
		return;
	now = entries[i].previous;
	/* Relaxed: it only says who is first. */
	if (atomic_load_explicit(&entries[i].is_reset, memory_order_relaxed)) {
		now.sa_flags &= ~SA_SIGINFO;
		now.sa_handler = SIG_DFL;
	}
	if (sigaction(SIGSEGV, &now, NULL) == 0)
		entries[i].is_used = !smi_sys_rcu_synchronize();
}

int smi_sys_segv_is_store(const void *context)
{
#if defined(__x86_64__)
	const ucontext_t *at = context;

	/* The page fault's error code. */
	return at->uc_mcontext.gregs[REG_ERR] >> 1 & 1;
#elif defined(__aarch64__)
	const ucontext_t *at = context;
	const uint8_t *record = at->uc_mcontext.__reserved;
	const uint8_t *end = record + sizeof(at->uc_mcontext.__reserved);
	struct {
		uint32_t magic, bytes;
		uint64_t esr;
	} head;

	/* ESR_EL1: a data abort's WnR is bit 6. */
	while (record + sizeof(head) <= end) {
		memcpy(&head, record, sizeof(head));
		if (head.magic == 0x45535201)
			return (head.esr >> 26 & 0x3e) == 0x24 &&
			       (head.esr >> 6 & 1);
		if (!head.magic || head.bytes < 8)
			break;
		record += head.bytes;
	}
	return -EOPNOTSUPP;
#else
	return -EOPNOTSUPP;
#endif
}
