/* SPDX-License-Identifier: MIT */
/*
 * A small C11 memory for the model: what a thread may read is computed, not
 * assumed. Compiled into spin's checker, which copies and hashes the struct.
 *
 * Every location keeps the messages (values) written to it, oldest first. A
 * view says for each location the oldest message that may still be read: four
 * bits per location. Each thread has a view, and so has each message: that of
 * its writer, if it was released. Messages that no thread can read any more are
 * forgotten, so that equal memories have equal bytes.
 */
#ifndef TESTS_MODEL_MEMORY_H
#define TESTS_MODEL_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

#ifdef RCU
enum {
	SLOT1, /* of reader 1 */
	SLOT2,
	SHARED0,
	SHARED1,
	PHASE,
	POINTER,
	FENCED, /* not 0: readers use fences */
	CONTENT,
	NPAGES = 2 /* one per reader */
};
#else
enum {
	WORD0,
	WORD1,
	LINE,  /* of both words */
	GROUP, /* of the line */
	ROOT,
#ifdef LATER
	FENCED, /* not 0: markers use fences (fast_npages is 0) */
#endif
	CONTENT,
	NPAGES = 3
};
#endif
enum {
	NLOCS = CONTENT + NPAGES,
	NMESSAGES = 9
};
enum {
	OWNER,
	MARKER1,
	MARKER2,
	NTHREADS
};

/* Bits: an order is what it includes. */
enum {
	RELAXED = 0,
	ACQUIRE = 1,
	RELEASE = 2,
	ACQ_REL = 3,
	SEQ_CST = 7
};

#if defined(LATER) || defined(RCU)
typedef unsigned long long view_t;
#else
typedef unsigned int view_t;
#endif

struct memory {
	view_t view[NTHREADS];
	view_t returned[NTHREADS]; /* view of a marker's last return */
	view_t fenced;		   /* of all seq_cst fences so far */
	view_t sc;		   /* last message a seq_cst access knows */
	unsigned int reading;	   /* one bit per thread that may read again */
	view_t message_view[NLOCS][NMESSAGES];
	unsigned char value[NLOCS][NMESSAGES];
	unsigned char nmessages[NLOCS];
};

#ifndef RCU
/* What must not be lost. Content versions are counted from the owner's last
 * copy of the page. */
struct ghost {
	unsigned char latest[NPAGES];		  /* stored */
	unsigned char stored[NTHREADS][NPAGES];	  /* by a mark under way */
	unsigned char returned[NTHREADS][NPAGES]; /* by marks that returned */
	unsigned char expected[NPAGES]; /* ...before this drain began */
};
#endif

/* For run.py --trail: the operations of a counterexample, as text. */
static void say(int thread, const char *what, int loc, int value)
{
#ifdef TRACE
#ifdef RCU
	static const char *const locs[] = {
		"slot 1",  "slot 2", "shared 0",  "shared 1",  "phase",
		"pointer", "fenced", "content 1", "content 2", ""};
	static const char *const threads[] = {"updater", "reader 1",
					      "reader 2"};
#else
	static const char *const locs[] = {
		"word 0",    "word 1",	  "line",      "group", "root",
#ifdef LATER
		"fenced",
#endif
		"content 0", "content 1", "content 2", ""};

	static const char *const threads[] = {"owner", "marker 1", "marker 2"};
#endif

	printf("%*s%s: %s %s%s%d\n", 36 * thread, "", threads[thread], what,
	       locs[loc], loc < NLOCS ? " = " : "", value);
#else
	(void)thread, (void)what, (void)loc, (void)value;
#endif
}

static unsigned int at(view_t view, int loc)
{
	return view >> (4 * loc) & 15;
}

static view_t with(view_t view, int loc, unsigned int index)
{
	return (view & ~((view_t)15 << (4 * loc))) | (view_t)index << (4 * loc);
}

static view_t join(view_t a, view_t b)
{
	for (int loc = 0; loc < NLOCS; loc++) {
		if (at(b, loc) > at(a, loc))
			a = with(a, loc, at(b, loc));
	}
	return a;
}

static unsigned char newest(const struct memory *m, int loc)
{
	return m->value[loc][m->nmessages[loc] - 1];
}

/* The oldest message that a load of this order may read. */
static unsigned int oldest(const struct memory *m, int thread, int loc,
			   int order)
{
	unsigned int index = at(m->view[thread], loc);

	if (order == SEQ_CST && at(m->sc, loc) > index)
		index = at(m->sc, loc);
	return index;
}

static void shift(view_t *view, int loc, unsigned int n)
{
	unsigned int index = at(*view, loc);

	*view = with(*view, loc, index > n ? index - n : 0);
}

/* Forget the first @n messages of a location. */
static void forget(struct memory *m, int loc, unsigned int n)
{
	unsigned int left = m->nmessages[loc] - n;

	for (unsigned int i = 0; i < m->nmessages[loc]; i++) {
		m->value[loc][i] = i < left ? m->value[loc][i + n] : 0;
		m->message_view[loc][i] =
			i < left ? m->message_view[loc][i + n] : 0;
	}
	m->nmessages[loc] = (unsigned char)left;
	for (int t = 0; t < NTHREADS; t++) {
		shift(&m->view[t], loc, n);
		shift(&m->returned[t], loc, n);
	}
	shift(&m->fenced, loc, n);
	shift(&m->sc, loc, n);
	for (int l = 0; l < NLOCS; l++) {
		for (int i = 0; i < m->nmessages[l]; i++)
			shift(&m->message_view[l][i], loc, n);
	}
}

/* Only the owner reads contents; the model says with which order each loads. */
static void tidy(struct memory *m, const int *orders)
{
	for (int loc = 0; loc < NLOCS; loc++) {
		unsigned int n = m->nmessages[loc] - 1U;

		for (int t = 0; t < (loc < CONTENT ? NTHREADS : 1); t++) {
			unsigned int low = oldest(
				m, t, loc, loc < CONTENT ? orders[t] : RELAXED);

			if (m->reading >> t & 1 && low < n)
				n = low;
		}
		if (n)
			forget(m, loc, n);
	}
}

static void start(struct memory *m)
{
	for (int loc = 0; loc < NLOCS; loc++)
		m->nmessages[loc] = 1;
	m->reading = (1 << NTHREADS) - 1;
}

/* Is there a message of that age (0: the newest) that it may read? */
static int readable(const struct memory *m, int thread, int loc, int order,
		    int age)
{
	int index = m->nmessages[loc] - 1 - age;

	return index >= (int)oldest(m, thread, loc, order);
}

static void look_at(struct memory *m, int thread, int loc, int order,
		    unsigned int index)
{
	view_t *view = &m->view[thread];

	*view = join(*view, with(0, loc, index));
	if (order & ACQUIRE)
		*view = join(*view, m->message_view[loc][index]);
	if (order == SEQ_CST)
		m->sc = join(m->sc, with(0, loc, index));
}

static unsigned char load(struct memory *m, int thread, int loc, int order,
			  int age)
{
	unsigned int index = m->nmessages[loc] - 1U - (unsigned int)age;

	look_at(m, thread, loc, order, index);
	say(thread, age ? "load (stale)" : "load", loc, m->value[loc][index]);
	return m->value[loc][index];
}

static void store(struct memory *m, int thread, int loc, int order,
		  unsigned char value, view_t inherited)
{
	unsigned int index = m->nmessages[loc]++;

	if (index >= NMESSAGES)
		abort();
	m->view[thread] = with(m->view[thread], loc, index);
	if (order & RELEASE)
		inherited = join(inherited, m->view[thread]);
	m->message_view[loc][index] = with(inherited, loc, index);
	m->value[loc][index] = value;
	if (order == SEQ_CST)
		m->sc = join(m->sc, with(0, loc, index));
}

/*
 * A read-modify-write reads the last message, and continues its release
 * sequence. The new value is (old & keep) | set.
 */
static unsigned char modify(struct memory *m, int thread, int loc, int order,
			    unsigned char keep, unsigned char set)
{
	unsigned int index = m->nmessages[loc] - 1U;
	unsigned char old = m->value[loc][index];

	look_at(m, thread, loc, order, index);
	say(thread, keep ? "OR of" : "exchange of", loc, old);
	store(m, thread, loc, order, (old & keep) | set,
	      m->message_view[loc][index]);
	return old;
}

/* A seq_cst fence. */
static void fence(struct memory *m, int thread)
{
	say(thread, "fence", NLOCS, 0);
	m->fenced = join(m->fenced, m->view[thread]);
	m->view[thread] = m->fenced;
}

/*
 * Membarrier, for one thread: at some point of its program it passes a full
 * barrier, while the owner waits. Other threads learn nothing from that.
 */
static void interrupt(struct memory *m, int thread)
{
	say(thread, "membarrier", NLOCS, 0);
	m->fenced = join(m->fenced, m->view[thread]);
	m->view[thread] = join(m->view[thread], m->view[OWNER]);
}

static void end_interrupts(struct memory *m)
{
	m->view[OWNER] = join(m->view[OWNER], m->fenced);
	m->fenced = 0;
}

#endif
