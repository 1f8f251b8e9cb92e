/* SPDX-License-Identifier: MIT */
/*
 * Grace periods: the slots, their claims, and the wait. rcu.h has the proof,
 * and tests/model checks it.
 */
#include "sys/rcu.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <time.h>

#include "sys/barrier.h"
#include "sys/clock.h"
#include "sys/log.h"

/* Threads that mark at the same time. Further ones share a word. */
#define NSLOTS	512
#define NSHARED 2

/* A grace period that takes longer is told. */
#define LATE_NS UINT64_C(1000000000)

/*
 * The C library keeps the values of its first keys in the thread itself, and
 * allocates memory for others. If the key is not among the first, threads get
 * no slot, since a slot could not be returned when its thread ends.
 */
#define KEYS_WITHOUT_MEMORY 32

static struct smi_sys_rcu_slot slots[NSLOTS];
static struct smi_sys_rcu_slot shared[NSHARED] = {{.is_shared = true},
						  {.is_shared = true}};
static atomic_uint phase;     /* modulo NSHARED: the word that readers enter */
static atomic_bool is_turned; /* by an updater that waits for the other word */
static atomic_int nfree = NSLOTS;

/* The definition needs the model too: without it the first use allocates. */
_Thread_local _Atomic(struct smi_sys_rcu_slot *) smi_sys_rcu_own
	__attribute__((tls_model("initial-exec")));
_Atomic bool smi_sys_rcu_readers_fence = true;

/* The calling thread has returned its slot and gets no other. */
static _Thread_local atomic_bool is_ending
	__attribute__((tls_model("initial-exec")));

/*
 * All threads use fences: each has passed a barrier since
 * smi_sys_rcu_readers_fence was set.
 */
static _Atomic bool all_fence = true;

static pthread_key_t exit_key;
static bool has_exit_key;

static void return_slot(struct smi_sys_rcu_slot *slot)
{
	/* Release pairs with the acquire in find_free. */
	atomic_store_explicit(&slot->is_claimed, false, memory_order_release);
	atomic_fetch_add_explicit(&nfree, 1, memory_order_relaxed);
}

/*
 * A thread ends. Its other destructors may still mark, for as many rounds as
 * the C library makes, and this one may not be called again. So their marks
 * share a word.
 */
static void thread_ends(void *slot)
{
	/* Relaxed, both: for this thread and its signal handlers. */
	atomic_store_explicit(&is_ending, true, memory_order_relaxed);
	atomic_store_explicit(&smi_sys_rcu_own, NULL, memory_order_relaxed);
	return_slot(slot);
}

/* In the child of fork(2), by its only thread. */
static void forget_other_threads(void)
{
	struct smi_sys_rcu_slot *own =
		atomic_load_explicit(&smi_sys_rcu_own, memory_order_relaxed);

	/* Relaxed: there is no other thread. */
	for (size_t i = 0; i < NSLOTS; i++) {
		if (&slots[i] == own)
			continue;
		atomic_store_explicit(&slots[i].word, 0, memory_order_relaxed);
		atomic_store_explicit(&slots[i].is_claimed, false,
				      memory_order_relaxed);
	}
	for (size_t i = 0; i < NSHARED; i++)
		atomic_store_explicit(&shared[i].word, 0, memory_order_relaxed);
	atomic_store_explicit(&is_turned, false, memory_order_relaxed);
	atomic_store_explicit(&nfree, own ? NSLOTS - 1 : NSLOTS,
			      memory_order_relaxed);
}

/*
 * Runs before any thread can enter a section, and early, so that the key is
 * among the first. Each step may fail: without the key, readers share words;
 * without membarrier(2), readers use fences.
 */
static __attribute__((constructor)) void set_up(void)
{
	has_exit_key = pthread_key_create(&exit_key, thread_ends) == 0;
	if (has_exit_key && exit_key >= KEYS_WITHOUT_MEMORY) {
		pthread_key_delete(exit_key);
		has_exit_key = false;
	}
	pthread_atfork(NULL, NULL, forget_other_threads);
	if (!smi_sys_barrier_register())
		return;
	/* Relaxed: no other thread uses them yet. */
	atomic_store_explicit(&all_fence, false, memory_order_relaxed);
	atomic_store_explicit(&smi_sys_rcu_readers_fence, false,
			      memory_order_relaxed);
}

void smi_sys_rcu_prepare(void)
{
	for (size_t i = 0; i < NSLOTS; i++)
		atomic_fetch_add_explicit(&slots[i].word, 0,
					  memory_order_relaxed);
}

static struct smi_sys_rcu_slot *find_free(void)
{
	if (!has_exit_key ||
	    atomic_load_explicit(&nfree, memory_order_relaxed) <= 0)
		return NULL;
	for (size_t i = 0; i < NSLOTS; i++) {
		bool is_claimed = atomic_load_explicit(&slots[i].is_claimed,
						       memory_order_relaxed);

		/* Acquire pairs with the release in return_slot. */
		if (!is_claimed &&
		    atomic_compare_exchange_strong_explicit(
			    &slots[i].is_claimed, &is_claimed, true,
			    memory_order_acquire, memory_order_relaxed)) {
			atomic_fetch_sub_explicit(&nfree, 1,
						  memory_order_relaxed);
			return &slots[i];
		}
	}
	return NULL;
}

/* Claim a slot for the calling thread. A signal handler may do it meanwhile. */
static bool claim(void)
{
	struct smi_sys_rcu_slot *none = NULL, *slot;

	if (atomic_load_explicit(&is_ending, memory_order_relaxed))
		return false;
	slot = find_free();
	if (!slot)
		return false;
	/* Relaxed: between a thread and its handlers it need only be atomic. */
	if (!atomic_compare_exchange_strong_explicit(&smi_sys_rcu_own, &none,
						     slot, memory_order_relaxed,
						     memory_order_relaxed)) {
		return_slot(slot);
		return true;
	}
	if (pthread_setspecific(exit_key, slot) == 0)
		return true;
	atomic_store_explicit(&smi_sys_rcu_own, NULL, memory_order_relaxed);
	return_slot(slot);
	return false;
}

struct smi_sys_rcu_slot *smi_sys_rcu_read_lock_slow(void)
{
	struct smi_sys_rcu_slot *slot;

	if (claim())
		return smi_sys_rcu_read_lock();
	/* Relaxed: either word is correct; the phase only lets waits end. */
	slot = &shared[atomic_load_explicit(&phase, memory_order_relaxed) %
		       NSHARED];
	atomic_fetch_add_explicit(&slot->word, 1, memory_order_relaxed);
	/* Seq_cst, pairs with the fence in smi_sys_rcu_synchronize. */
	atomic_thread_fence(memory_order_seq_cst);
	return slot;
}

/*
 * A section whose thread runs ends soon. One whose thread waits for a processor
 * may get this one while we sleep. (sched_yield(2) would run all other threads
 * first, however many there are.)
 */
static void pause_for(unsigned int *tries)
{
	static const struct timespec nap = {.tv_nsec = 100000};

	if (++*tries > 100)
		nanosleep(&nap, NULL);
}

static uint64_t read_word(struct smi_sys_rcu_slot *slot)
{
	/* Acquire pairs with the release in smi_sys_rcu_read_unlock. */
	return atomic_load_explicit(&slot->word, memory_order_acquire);
}

/* Wait until the section that was @seen has ended. */
static void wait_for_slot(struct smi_sys_rcu_slot *slot, uint64_t seen)
{
	uint64_t now = seen;
	unsigned int tries = 0;

	while (now & SMI_SYS_RCU_NESTING &&
	       !((now ^ seen) & ~SMI_SYS_RCU_NESTING)) {
		pause_for(&tries);
		now = read_word(slot);
	}
}

/*
 * Read all slots, then wait for each. So the wait is as long as the longest
 * section. If each slot were read only after the wait for the one before, it
 * might be in a section that began meanwhile, and the waits would add up.
 */
static void wait_for_slots(void)
{
	uint64_t seen[NSLOTS];

	for (size_t i = 0; i < NSLOTS; i++)
		seen[i] = read_word(&slots[i]);
	for (size_t i = 0; i < NSLOTS; i++)
		wait_for_slot(&slots[i], seen[i]);
}

/*
 * One updater at a time switches the phase away from a word. Two updaters that
 * switched it back and forth would both see new readers for ever.
 */
static void wait_for_shared(size_t i)
{
	unsigned int tries = 0;

	/* Relaxed: it guards the phase, which no proof relies on. */
	while (atomic_exchange_explicit(&is_turned, true, memory_order_relaxed))
		pause_for(&tries);
	atomic_store_explicit(&phase, (unsigned int)(i + 1),
			      memory_order_relaxed);
	for (tries = 0; read_word(&shared[i]);)
		pause_for(&tries);
	atomic_store_explicit(&is_turned, false, memory_order_relaxed);
}

/* The barrier between what was unpublished and the reading of the slots. */
static bool heavy_barrier(void)
{
	/* Acquire pairs with the release below, of another updater. */
	if (atomic_load_explicit(&all_fence, memory_order_acquire) ||
	    smi_sys_barrier())
		return true;
	/* Relaxed: the barrier makes it visible to all threads. */
	atomic_store_explicit(&smi_sys_rcu_readers_fence, true,
			      memory_order_relaxed);
	if (!smi_sys_barrier_slow())
		return false;
	atomic_store_explicit(&all_fence, true, memory_order_release);
	return true;
}

static void tell_if_late(uint64_t spent_ns)
{
	if (spent_ns >= LATE_NS)
		SMI_SYS_LOG(SMUDGE_LOG_WARNING, "rcu",
			    "a grace period took %llu ms: a thread was held up "
			    "within a mark, and a change of clients or regions "
			    "waited for it",
			    (unsigned long long)(spent_ns / 1000000));
}

bool smi_sys_rcu_synchronize(void)
{
	uint64_t start_ns = smi_sys_now_ns();
	int saved = errno;

	/* Seq_cst, pairs with the light barrier of readers that fence. */
	atomic_thread_fence(memory_order_seq_cst);
	if (!heavy_barrier())
		return false;
	wait_for_slots();
	for (size_t i = 0; i < NSHARED; i++) {
		if (read_word(&shared[i]))
			wait_for_shared(i);
	}
	tell_if_late(smi_sys_now_ns() - start_ns);
	errno = saved;
	return true;
}
