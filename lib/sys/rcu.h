/* SPDX-License-Identifier: MIT */
/*
 * Read-copy-update. A reader locks and unlocks a section; an updater
 * unpublishes an object, synchronizes, that is, waits until every section that
 * may have seen it has ended, and frees it.
 *
 * A reader makes no system call, needs no memory and cannot fail: marks are
 * made by vCPU threads, by signal handlers and in processes that have no
 * memory left. One domain serves the whole process.
 *
 * READERS. Each thread claims a slot at its first section and returns it when
 * the thread ends. The word of a slot holds how deep its thread is nested in
 * sections (low 16 bits) and how many outermost sections have ended (above); a
 * section is a store to it at either end. A thread that gets no slot adds
 * itself to one of two shared words while it reads; the phase says which.
 *
 *	lock:         release: nesting + 1; light barrier; read what is
 *	              published
 *	unlock:       release: nesting - 1, and if that is 0, ended + 1
 *	synchronize:  (unpublished before) heavy barrier;
 *	              read each slot (acquire); then for each that was nested:
 *	                  read it again until it is not, or until `ended` has
 *	                  changed;
 *	              for each shared word that is not 0: switch the phase away
 *	                  from it, and read it (acquire) until it is 0; one
 *	                  updater at a time
 *
 * WHY NO SECTION IS MISSED. "store nesting; read pointer" against "store
 * pointer; read nesting" is Dekker's pattern. The heavy barrier passes each
 * reader at some point of its program. A section that stored its nesting
 * before that point is seen by the updater, which waits for it. One that did
 * not reads the pointer after that point, and finds it unpublished. Where there
 * is no heavy barrier both sides have a full fence, with the same result. What
 * a section did happens before synchronize returns, by unlock's release and its
 * own acquire: no object is freed while a section reads it.
 *
 * SIGNALS. A handler that marks while its thread locks or unlocks nests, or
 * runs a section of its own, in the same slot. It leaves the word as it found
 * it, except that `ended` may grow and then fall back by the interrupted
 * store. The updater only looks for a change from what it read in a section,
 * so a value that comes again makes it wait longer, never shorter.
 *
 * NO HEAVY BARRIER. Without membarrier(2) readers fence from the start. If it
 * is forbidden later, readers fence from then on, and one barrier of another
 * kind is needed for those that read the old setting (sys/barrier.h). Until
 * that barrier succeeds, synchronize returns false, and what was removed must
 * be kept.
 *
 * FORK. The child has one thread, so all slots but its own are free there.
 */
#ifndef LIB_SYS_RCU_H
#define LIB_SYS_RCU_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMI_SYS_RCU_NESTING UINT64_C(0xffff)

struct smi_sys_rcu_slot {
	_Alignas(64) _Atomic uint64_t word;
	_Atomic bool is_claimed;
	bool is_shared; /* by all threads without a slot */
};

/*
 * rcu.c: the calling thread's slot, or NULL. Its storage exists from the
 * thread's beginning, also if the library was loaded by dlopen.
 */
extern _Thread_local _Atomic(struct smi_sys_rcu_slot *) smi_sys_rcu_own
	__attribute__((tls_model("initial-exec")));
extern _Atomic bool smi_sys_rcu_readers_fence;

/* rcu.c: enter without a slot. */
struct smi_sys_rcu_slot *smi_sys_rcu_read_lock_slow(void);

/* A compiler barrier; the processor needs only the updater's heavy barrier. */
static inline void smi_sys_rcu_light_barrier(void)
{
	/* Relaxed: the updater's slow barrier covers an old value. */
	if (__builtin_expect(atomic_load_explicit(&smi_sys_rcu_readers_fence,
						  memory_order_relaxed),
			     0))
		/* Seq_cst, pairs with the fence in smi_sys_rcu_synchronize. */
		atomic_thread_fence(memory_order_seq_cst);
	atomic_signal_fence(memory_order_seq_cst);
}

/*
 * smi_sys_rcu_read_lock - begin a section
 *
 * Sections nest. Blocks: no. Threads: any, and signal handlers.
 * Return: the slot to pass to smi_sys_rcu_read_unlock.
 */
static inline struct smi_sys_rcu_slot *smi_sys_rcu_read_lock(void)
{
	/* Relaxed: only this thread and its signal handlers change it. */
	struct smi_sys_rcu_slot *slot =
		atomic_load_explicit(&smi_sys_rcu_own, memory_order_relaxed);
	uint64_t word;

	if (__builtin_expect(!slot, 0))
		return smi_sys_rcu_read_lock_slow();
	/*
	 * Release pairs with the acquire in smi_sys_rcu_synchronize: it may see
	 * this word in place of the one that ended the section before.
	 */
	word = atomic_load_explicit(&slot->word, memory_order_relaxed);
	atomic_store_explicit(&slot->word, word + 1, memory_order_release);
	smi_sys_rcu_light_barrier();
	return slot;
}

/* smi_sys_rcu_read_unlock - end the section for which @slot was returned */
static inline void smi_sys_rcu_read_unlock(struct smi_sys_rcu_slot *slot)
{
	uint64_t word;

	/* Release, each: pairs with the acquire in smi_sys_rcu_synchronize. */
	if (__builtin_expect(slot->is_shared, 0)) {
		atomic_fetch_sub_explicit(&slot->word, 1, memory_order_release);
		return;
	}
	word = atomic_load_explicit(&slot->word, memory_order_relaxed) - 1;
	if (!(word & SMI_SYS_RCU_NESTING))
		word += SMI_SYS_RCU_NESTING + 1;
	atomic_store_explicit(&slot->word, word, memory_order_release);
}

/*
 * smi_sys_rcu_prepare - populate the slots' memory, so that claims do not fault
 *
 * Blocks: no. Threads: any.
 */
void smi_sys_rcu_prepare(void);

/*
 * smi_sys_rcu_synchronize - wait until every section that began before has
 * ended
 *
 * What these sections, and their threads before them, stored is visible then.
 * Keeps errno. Blocks: for a barrier in all threads, and on sections. Threads:
 * any, several at once, outside of sections.
 * Return: true; false if no barrier works: then a section may still run, and a
 * later call may succeed.
 */
bool smi_sys_rcu_synchronize(void);

#endif
