/* SPDX-License-Identifier: MIT */
/*
 * The dirty bitmap's protocol: two markers, one owner that drains, takes,
 * copies and returns, and a harvester that merges under the owner's lock.
 * README.md says which line stands for which line of the code, what memory
 * is behind it and what is not covered. Macros given by run.py choose how
 * much is explored, and make the mutants.
 *
 * Pages 0 and 1 are bits of word 0, page 2 a bit of word 1. Both words are in
 * one line, whose byte, group bit and root are a bit each. Page 3 is the
 * kernel's.
 */

/* Marks of each marker, and drains before the last one. */
#ifndef MARKS1
#define MARKS1 2
#endif
#ifndef MARKS2
#define MARKS2 1
#endif
#ifndef DRAINS
#define DRAINS 2
#endif
/* What a call marks, as bits: marker 1 first A, all others A or B. */
#define PAGES_A 1
#ifndef PAGES_B
#define PAGES_B 2
#endif

#define OWNER 0

c_decl {
\#include "memory.h"
}
c_state "struct memory memory" "Global"
c_state "struct ghost ghost" "Global"

/*
 * One register a thread: what the owner's last load found, what bits the
 * marker's found missing. @step counts the locations a mark has come to.
 */
byte reg[3], pages[3], step[3];
byte markers_left = 2;
bool locked, is_harvested;
byte bits, batch;	/* the owner's plane, and what it took: pages 0 to 3 */

/* What is asserted. */
bool is_mark_lost, is_summary_stale_clear, is_content_lost;
bool is_kernel_page_copied;

c_code {
\#include "steps.h"
}

/* A load may read any message that is not too old: each is a branch. */
#define EACH_AGE(option) \
	option(0) option(1) option(2) option(3) option(4) option(5) \
	option(6) option(7) option(8)

/* mark(): store the content; for each level: load, bit missing? OR it in. */
#define LOOK_AT(age) \
	:: d_step { \
		c_expr { (may_look)(Pmarker->t, age) } -> \
		c_code { look(Pmarker->t, age); } \
	}

#ifdef LATER
#define CHOOSE_AT(age) \
	:: d_step { \
		c_expr { (may_choose)(Pmarker->t, age) } -> \
		c_code { choose(Pmarker->t, age); } \
	}
#define CHOOSE EACH_AGE(CHOOSE_AT)
#else
#define CHOOSE
#endif

#define LIMIT (t == 1 -> MARKS1 : MARKS2)

proctype marker(byte t)
{
	byte n;

	do
	:: d_step {
		!step[t] && n < LIMIT ->
		n++;
		c_code { begin_mark(Pmarker->t, PAGES_A); }
	}
	:: d_step {
		!step[t] && n < LIMIT && n + t > 1 ->
		n++;
		c_code { begin_mark(Pmarker->t, PAGES_B); }
	}
	CHOOSE
	EACH_AGE(LOOK_AT)
	:: d_step {
		c_expr { (may_store_early)(Pmarker->t) } ->
		c_code { store_early(Pmarker->t); }
	}
	:: d_step { reg[t] -> c_code { or_in(Pmarker->t); } }
	:: d_step {
		!step[t] && n == LIMIT ->
		n = 0;
		markers_left--;
		c_code { marker_ends(Pmarker->t); }
	}; break
	od
}

/*
 * The bits plane is plain memory: a change of it is a load and a store, and
 * only the lock keeps others out in between.
 */
#ifdef NO_LOCK
#define HELD false
#define LOCKED
#else
#define HELD true
#define LOCKED atomic
#endif

/* One location for the owner: peek; zero? go to @none; else exchange. */
#define PEEK_OPTION(loc, age) \
	:: d_step { \
		c_expr { (readable)(&now.memory, 0, loc, PEEK, age) } -> \
		c_code { peek(0, loc, age); } \
	}
#define PEEK_ROOT(age) PEEK_OPTION(ROOT, age)
#define PEEK_GROUP(age) PEEK_OPTION(GROUP, age)
#define PEEK_LINE(age) PEEK_OPTION(LINE, age)
#define PEEK_WORD0(age) PEEK_OPTION(WORD0, age)
#define PEEK_WORD1(age) PEEK_OPTION(WORD1, age)
#define PEEK_AT(loc) \
	if \
	EACH_AGE(PEEK_##loc) \
	fi;
#define UNLESS_ZERO(none) \
	if \
	:: !reg[OWNER] -> goto none \
	:: else \
	fi
#define CLEAR(loc) c_code { exchange(0, loc); };

/* Below the root: peek may be left out, an exchange reads the last value. */
#define PEEK_ONLY(loc, none) atomic { PEEK_AT(loc) UNLESS_ZERO(none) };
#ifdef ALWAYS_EXCHANGE
#define FETCH_AND_CLEAR(loc, none) atomic { CLEAR(loc) UNLESS_ZERO(none) };
#else
#define FETCH_AND_CLEAR(loc, none) PEEK_ONLY(loc, none) CLEAR(loc)
#endif
#ifdef ROOT_CLEARED_LATE
#define FETCH_AND_CLEAR_ROOT PEEK_ONLY(ROOT, unmarked)
#define AFTER_ROOT CLEAR(ROOT)
#else
#define FETCH_AND_CLEAR_ROOT PEEK_ONLY(ROOT, unmarked) CLEAR(ROOT)
#define AFTER_ROOT
#endif
#ifdef LINE_CLEARED_LATE
#define FETCH_AND_CLEAR_LINE PEEK_ONLY(LINE, barrier)
#define AFTER_LINE CLEAR(LINE)
#else
#define FETCH_AND_CLEAR_LINE FETCH_AND_CLEAR(LINE, barrier)
#define AFTER_LINE
#endif

/*
 * membarrier is denied from some drain on. Then markers are told to fence, and
 * one other barrier is owed, which may be had at once, later or never.
 */
#ifdef LATER
bool is_denied, owes, is_kept;
#define OWES owes
#ifdef TOLD_AFTER_THE_BARRIER
#define TELL
#define TELL_LATE c_code { tell_markers(); };
#else
#define TELL c_code { tell_markers(); };
#define TELL_LATE
#endif
#else
#define OWES false
#endif
#ifdef NOT_KEPT
#define KEEPS false
#elif defined(KEPT_ONCE)
#define KEEPS (OWES && !is_kept)
#else
#define KEEPS OWES
#endif

#ifdef NO_BARRIER
#define BARRIER
#elif defined(FALLBACK) || defined(NO_MEMBARRIER)
#define BARRIER c_code { fence(&now.memory, 0); settle(); };
#else
/* Each marker at some point of its program, in either order. */
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
#ifdef LATER
#define BARRIER \
	atomic { c_code { fence(&now.memory, 0); settle(); } }; \
	if \
	:: !is_denied -> INTERRUPTS \
	:: atomic { !is_denied -> is_denied = true; owes = true; TELL } \
	:: is_denied -> skip \
	fi; \
	if \
	:: owes -> INTERRUPTS atomic { owes = false; TELL_LATE } \
	:: true \
	fi;
#else
#define BARRIER INTERRUPTS
#endif
#endif

/* The program may have told the owner that a mark call returned, or not. */
#define LEARN(thread) \
	if \
	:: c_expr { (has_returned)(thread) } -> c_code { learn(thread); } \
	:: markers_left || c_expr { !(has_returned)(thread) } \
	fi;

#define COPY(age) \
	:: d_step { \
		c_expr { (may_copy)(age) } -> \
		c_code { copy(age); } \
	}

proctype owner()
{
	byte n, old;

	do
	:: atomic {
		!locked && (n < DRAINS ||
			n == DRAINS && !markers_left && is_harvested) ->
		locked = HELD;
		n++;
		LEARN(MARKER1)
		LEARN(MARKER2)
	   }
	   /* smi_bitmap_drain() */
	   FETCH_AND_CLEAR_ROOT
	   FETCH_AND_CLEAR(GROUP, barrier)
	   FETCH_AND_CLEAR_LINE
	   FETCH_AND_CLEAR(WORD0, word1)
	   LOCKED { old = bits; bits = old | reg[OWNER]; old = 0 };
word1:	   FETCH_AND_CLEAR(WORD1, words)
	   LOCKED { old = bits; bits = old | reg[OWNER] << 2; old = 0 };
words:	   LOCKED { reg[OWNER] = 0; AFTER_LINE };
barrier:   LOCKED { reg[OWNER] = 0; AFTER_ROOT };
	   BARRIER
	   goto drained;
unmarked:  skip;
#ifdef LATER
	   if
	   :: owes -> goto barrier
	   :: else
	   fi;
#endif
drained:   LOCKED {
		reg[OWNER] = 0;
		c_code { judge_drain(); };
		assert(!is_mark_lost);
		assert(!is_summary_stale_clear);
		/* smudge_bitmap_take() */
		batch = bits;
		bits = (KEEPS -> bits : 0);
#ifdef LATER
		is_kept = is_kept || owes;
#endif
		locked = false
	   }
	   do
	   EACH_AGE(COPY)
	   :: d_step {
		!(batch & 7) ->
		is_kernel_page_copied = is_kernel_page_copied || batch & 8;
		batch = 0
	   }; break
	   :: LOCKED {
		/* smudge_bitmap_return() */
		batch && n <= DRAINS && !locked ->
#ifndef NO_RETURN
		old = bits;
		bits = old | batch;
		old = 0;
#endif
		batch = 0
	   }; break
	   od
	:: d_step {
		n > DRAINS ->
		c_code { judge_end(); };
		assert(!is_content_lost);
		assert(is_kernel_page_copied)
	   }; break
	od
}

/* smudge_bitmap_merge() of a kernel's bitmap with page 3. */
proctype harvester()
{
	byte old;

	LOCKED {
		!locked ->
		old = bits;
		bits = old | 8;
		is_harvested = true
	}
}

init {
	atomic {
		c_code { start(&now.memory); };
		run marker(1);
		run marker(2);
		run owner();
#ifdef MERGE
		run harvester()
#else
		is_harvested = true;
		is_kernel_page_copied = true
#endif
	}
}
