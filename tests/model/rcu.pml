/* SPDX-License-Identifier: MIT */
/*
 * The library's RCU: two readers, of which one may be interrupted by a signal
 * handler that reads as well, and an updater that publishes, synchronizes and
 * frees. README.md says which line stands for which line of the code. Macros
 * given by run.py choose how much is explored, and make the mutants.
 */

/* Sections of each reader, objects that the updater publishes. */
#ifndef SECTIONS1
#define SECTIONS1 2
#endif
#ifndef SECTIONS2
#define SECTIONS2 1
#endif
#ifndef UPDATES
#define UPDATES 2
#endif

#define OWNER 0

c_decl {
\#include "memory.h"
}
c_state "struct memory memory" "Global"

/* Per thread; 0 is the updater's. */
byte stored[3];		/* versions of the content */
byte seen[12];		/* of them, when object i was read: thread * 4 + i */
byte held[3], held_by_handler[3]; /* object + 1, in a section */
byte entered[3];	/* the shared word */
byte freed;		/* one bit per object */
bool is_handling[3];
bool is_freed_read, is_content_lost;

c_code {
\#include "rcu.h"
}

/* A load may read any message that is not too old: each is a branch. */
#define EACH_AGE(option) \
	option(0) option(1) option(2) option(3) option(4) option(5) \
	option(6) option(7) option(8)
#define MAY(thread, loc, order, age) \
	c_expr { (readable)(&now.memory, thread, loc, order, age) }

/* smi_sys_rcu_read_lock() */
#define LOAD_SLOT(word) c_code { word = load_slot(Preader->t); }
#define FENCE_AT(age) \
	:: d_step { MAY(Preader->t, FENCED, RELAXED, age) -> \
		c_code { light_barrier(Preader->t, age); } }
#define POINTER_AT(age) \
	:: d_step { MAY(Preader->t, POINTER, ACQUIRE, age) -> \
		c_code { now.held[Preader->t] = \
			load_pointer(Preader->t, age) + 1; } }
#define SHARED_AT(age) \
	:: d_step { MAY(Preader->t, PHASE, RELAXED, age) -> \
		c_code { lock_shared(Preader->t, age); } }
#define MINE !is_handling[t]

proctype reader(byte t; byte sections; bool has_slot)
{
	byte word;

	do
	:: sections == 0 -> break
	:: else ->
		d_step { MINE; sections--;
			c_code { store_content(Preader->t); } };
		if
		:: has_slot ->
			d_step { MINE; c_code {
				Preader->word = load_slot(Preader->t); } };
#ifdef POINTER_BEFORE_LOCK
			if EACH_AGE(POINTER_AT) fi;
#endif
			d_step { MINE; c_code { store_slot(Preader->t,
				Preader->word + 1, LOCK); } };
			atomic { MINE; if EACH_AGE(FENCE_AT) fi };
		:: else ->
			atomic { MINE; if EACH_AGE(SHARED_AT) fi };
		fi;
#ifndef POINTER_BEFORE_LOCK
		atomic { MINE; if EACH_AGE(POINTER_AT) fi };
#endif
		/* The object is changed; then smi_sys_rcu_read_unlock() */
		d_step { MINE; c_code { store_content(Preader->t); } };
		if
		:: has_slot ->
			d_step { MINE; c_code {
				Preader->word = load_slot(Preader->t); } };
			d_step { MINE; held[t] = 0; c_code {
				store_slot(Preader->t,
					unlocked(Preader->word), UNLOCK); } };
		:: else ->
			d_step { MINE; held[t] = 0; c_code {
				unlock_shared(Preader->t); } };
		fi;
		assert(!is_freed_read)
	od;
	atomic { MINE; c_code {
		now.memory.reading &= ~(1U << Preader->t); settle(); } }
}

/* A section of the same thread, between any two steps of it. */
#define HANDLER_FENCE_AT(age) \
	:: d_step { MAY(Phandler->t, FENCED, RELAXED, age) -> \
		c_code { light_barrier(Phandler->t, age); } }
#define HANDLER_POINTER_AT(age) \
	:: d_step { MAY(Phandler->t, POINTER, ACQUIRE, age) -> \
		c_code { now.held_by_handler[Phandler->t] = \
			load_pointer(Phandler->t, age) + 1; } }

proctype handler(byte t)
{
	d_step { is_handling[t] = true; c_code { store_slot(Phandler->t,
		load_slot(Phandler->t) + 1, LOCK); } };
	if EACH_AGE(HANDLER_FENCE_AT) fi;
	if EACH_AGE(HANDLER_POINTER_AT) fi;
	d_step { held_by_handler[t] = 0; is_handling[t] = false;
		c_code { store_slot(Phandler->t,
			unlocked(load_slot(Phandler->t)), UNLOCK); } }
}

/* The heavy barrier: each reader at some point of its program. */
#define INTERRUPT(thread) c_code { interrupt(&now.memory, thread); settle(); }
#define INTERRUPT_LAST(thread) \
	c_code { \
		interrupt(&now.memory, thread); \
		end_interrupts(&now.memory); \
		settle(); \
	}
#define INTERRUPTS \
	if \
	:: INTERRUPT(1); INTERRUPT_LAST(2) \
	:: INTERRUPT(2); INTERRUPT_LAST(1) \
	fi;

#ifdef NO_BARRIER
#define HEAVY
#elif defined(FALLBACK)
#define HEAVY
#elif defined(LATER)
/* membarrier is denied from some synchronize on: heavy_barrier() */
bool is_denied, all_fence;
#ifdef NEVER_SETTLED
#define SETTLED is_denied
#else
#define SETTLED all_fence
#endif
#define HEAVY \
	if \
	:: SETTLED \
	:: !SETTLED && !is_denied -> INTERRUPTS \
	:: !SETTLED -> \
		atomic { is_denied = true; c_code { tell_readers(); } }; \
		if \
		:: INTERRUPTS all_fence = true \
		:: goto refused \
		fi \
	fi;
#else
#define HEAVY INTERRUPTS
#endif

/* read_word(): any word that may still be read. */
#define WORD_OF(loc, age) \
	:: d_step { MAY(0, loc, WAIT, age) -> \
		c_code { Pupdater->word = read_word(loc, age); } }
#define SLOT1_AT(age) WORD_OF(SLOT1, age)
#define SLOT2_AT(age) WORD_OF(SLOT2, age)
#define SHARED0_AT(age) WORD_OF(SHARED0, age)
#define SHARED1_AT(age) WORD_OF(SHARED1, age)
#define READ(at) if EACH_AGE(at) fi

#ifdef WAITS_FOR_ANY_CHANGE
#define IS_OVER(seen) (word != seen || !(word & 3))
#else
#define IS_OVER(seen) (!(word & 3) || word >> 2 != seen >> 2)
#endif

#ifdef NO_WAIT
#define SEE_SLOT(at, seen)
#define WAIT_FOR_SLOT(at, seen)
#else
#define SEE_SLOT(at, seen) \
	READ(at); \
	seen = word;
#define WAIT_FOR_SLOT(at, seen) \
	word = seen; \
	do \
	:: d_step { IS_OVER(seen) -> word = 0; seen = 0 }; break \
	:: else -> READ(at) \
	od;
#endif
#define WAIT_FOR_SHARED(at, next) \
	READ(at); \
	if \
	:: !word \
	:: else -> c_code { switch_phase(next); } \
	fi; \
	do \
	:: !word -> break \
	:: else -> READ(at) \
	od;

#ifdef ONE_SHARED_WORD_ONLY
#define WAIT_FOR_SECOND
#else
#define WAIT_FOR_SECOND WAIT_FOR_SHARED(SHARED1_AT, 0)
#endif

#define COPY1(age) \
	:: d_step { MAY(0, CONTENT, RELAXED, age) -> \
		c_code { copy(1, age, Pupdater->n); } }
#define COPY2(age) \
	:: d_step { MAY(0, CONTENT + 1, RELAXED, age) -> \
		c_code { copy(2, age, Pupdater->n); } }

proctype updater()
{
	byte n, word, first, second;

	do
	:: n == UPDATES -> break
	:: else ->
		n++;
#ifdef FREED_BEFORE_THE_WAIT
		c_code { publish(Pupdater->n); free_below(Pupdater->n); };
#else
		c_code { publish(Pupdater->n); };
#endif
		/* smi_sys_rcu_synchronize() */
#ifndef NO_UPDATER_FENCE
		c_code { fence(&now.memory, 0); settle(); };
#endif
		HEAVY
		SEE_SLOT(SLOT1_AT, first)
		SEE_SLOT(SLOT2_AT, second)
		WAIT_FOR_SLOT(SLOT1_AT, first)
		WAIT_FOR_SLOT(SLOT2_AT, second)
#ifdef SHARED
		WAIT_FOR_SHARED(SHARED0_AT, 1)
		WAIT_FOR_SECOND
#endif
		/* smi_memory_free_gone(), and a take of what was marked */
		c_code { free_below(Pupdater->n); };
		assert(!is_freed_read);
		if EACH_AGE(COPY1) fi;
		if EACH_AGE(COPY2) fi;
		assert(!is_content_lost);
		goto done;
refused:
#ifdef FREED_WHEN_REFUSED
		c_code { free_below(Pupdater->n); };
#endif
		skip;
done:		assert(!is_freed_read)
	od;
	c_code { now.memory.reading &= ~1U; settle(); }
}

init {
	atomic {
		c_code {
			start(&now.memory);
#ifdef FALLBACK
			now.memory.value[FENCED][0] = 1;
#endif
		};
#ifdef SHARED
		run reader(1, SECTIONS1, false);
		run reader(2, SECTIONS2, false);
#else
		run reader(1, SECTIONS1, true);
		run reader(2, SECTIONS2, true);
#endif
#ifdef HANDLER
		run handler(1);
#endif
		run updater()
	}
}
