/* SPDX-License-Identifier: MIT */
/*
 * The steps of a mark, a drain and a copy, each one access of the memory, and
 * the ghost that knows what must not be lost. Included where spin's checker
 * has its state, `now`; bitmap.pml lets the steps interleave. Macros given by
 * run.py make the mutants.
 */
#ifndef TESTS_MODEL_STEPS_H
#define TESTS_MODEL_STEPS_H

/*
 * The orders: the ensures' loads and ORs, the loads and exchanges that fetch
 * and clear, and the early store of the line's byte.
 */
#ifndef LOOK
#define LOOK SEQ_CST
#endif
#ifndef OR
#define OR SEQ_CST
#endif
#ifndef PEEK
#define PEEK SEQ_CST
#endif
#ifndef EXCHANGE
#define EXCHANGE SEQ_CST
#endif
#ifndef EARLY
#define EARLY RELAXED
#endif
/* The locations that a mark passes. */
#ifndef MARK_PATH
#define MARK_PATH WORD0, WORD1, LINE, GROUP, ROOT
#endif

/* Beside the bits that a marker found missing: no word has as many. */
#define IS_STORED_EARLY 16

/* The step of a mark that looks whether it has to fence. */
#define CHOOSING 15

static const int load_order[NTHREADS] = {PEEK, LOOK, LOOK};
static const int path[] = {MARK_PATH};

static void settle(void)
{
	tidy(&now.memory, load_order);
}

/* The bits of a location that stand for a set of pages. */
static unsigned char mask_of(int loc, unsigned char set)
{
	switch (loc) {
	case WORD0:
		return set & 3;
	case WORD1:
		return set >> 2 & 1;
	default:
		return set != 0;
	}
}

static void store_content(int t)
{
	for (int p = 0; p < NPAGES; p++) {
		if (!(now.pages[t] >> p & 1))
			continue;
		now.ghost.stored[t][p] = ++now.ghost.latest[p];
		store(&now.memory, t, CONTENT + p, RELAXED, now.ghost.latest[p],
		      0);
		say(t, "store", CONTENT + p, now.ghost.latest[p]);
	}
	settle();
}

static void mark_returns(int t)
{
#ifdef CONTENT_AFTER_MARK
	store_content(t);
#endif
	for (int p = 0; p < NPAGES; p++) {
		if (now.ghost.stored[t][p])
			now.ghost.returned[t][p] = now.ghost.stored[t][p];
		now.ghost.stored[t][p] = 0;
	}
	say(t, "mark returns", NLOCS, now.pages[t]);
	now.memory.returned[t] = now.memory.view[t];
	now.pages[t] = 0;
}

/* To the next location that has bits of the pages, or out. */
static void pass(int t)
{
	do {
		if (++now.step[t] > sizeof(path) / sizeof(path[0])) {
			now.step[t] = 0;
			mark_returns(t);
			return;
		}
	} while (!mask_of(path[now.step[t] - 1], now.pages[t]));
}

static int place(int t)
{
	return path[now.step[t] - 1];
}

static int may_look(int t, int age)
{
	return now.step[t] && now.step[t] != CHOOSING && !now.reg[t] &&
	       readable(&now.memory, t, place(t), LOOK, age);
}

static void look(int t, int age)
{
	int loc = place(t);

	now.reg[t] = mask_of(loc, now.pages[t]) &
		     ~load(&now.memory, t, loc, LOOK, age);
#ifdef NO_RECHECK
	if (!now.reg[t] && loc <= WORD1)
		now.step[t] = sizeof(path) / sizeof(path[0]);
#endif
	if (!now.reg[t])
		pass(t);
	settle();
}

/*
 * Before a word's OR: the line's byte, which is stored unless a relaxed load
 * found it set. Any such load may find either, so that the model has no load:
 * the step may be taken or not.
 */
static int may_store_early(int t)
{
	return now.reg[t] && !(now.reg[t] & IS_STORED_EARLY) &&
	       place(t) <= WORD1;
}

static void store_early(int t)
{
	now.reg[t] |= IS_STORED_EARLY;
	say(t, "store", LINE, 1);
	store(&now.memory, t, LINE, EARLY, 1, 0);
	settle();
}

static void or_in(int t)
{
	int loc = place(t);

#ifdef LINE_STORED
	if (loc == LINE)
		store(&now.memory, t, LINE, RELAXED, 1, 0);
	else
#endif
		modify(&now.memory, t, loc, OR, 255,
		       mask_of(loc, now.pages[t]));
	now.reg[t] = 0;
	pass(t);
	settle();
}

static void peek(int t, int loc, int age)
{
	now.reg[t] = load(&now.memory, t, loc, PEEK, age);
	settle();
}

static void exchange(int t, int loc)
{
	now.reg[t] = modify(&now.memory, t, loc, EXCHANGE, 0, 0);
	settle();
}

static void begin_mark(int t, unsigned char set)
{
	now.pages[t] = set;
	say(t, "mark of pages", NLOCS, set);
#ifndef CONTENT_AFTER_MARK
	store_content(t);
#endif
#if defined(FALLBACK) && !defined(NO_MARKER_FENCE)
	fence(&now.memory, t);
#endif
#ifdef LATER
	now.step[t] = CHOOSING;
#else
	pass(t);
#endif
	settle();
}

#ifdef LATER
static int may_choose(int t, int age)
{
	return now.step[t] == CHOOSING &&
	       readable(&now.memory, t, FENCED, RELAXED, age);
}

/* mark() reads fast_npages, and fences in mark_any() if it is 0. */
static void choose(int t, int age)
{
	if (load(&now.memory, t, FENCED, RELAXED, age))
		fence(&now.memory, t);
	now.step[t] = 0;
	pass(t);
	settle();
}

/* barrier() is refused: fast_npages = 0. */
static void tell_markers(void)
{
#ifndef MARKERS_NOT_TOLD
	store(&now.memory, OWNER, FENCED, RELAXED, 1, 0);
	say(OWNER, "store", FENCED, 1);
	settle();
#endif
}
#endif

static void marker_ends(int t)
{
	now.memory.reading &= ~(1U << t);
	settle();
}

static int has_returned(int t)
{
	for (int p = 0; p < NPAGES; p++) {
		if (now.ghost.returned[t][p])
			return 1;
	}
	return 0;
}

/* The owner knows, by a lock or a message, that marker @t's call returned. */
static void learn(int t)
{
	for (int p = 0; p < NPAGES; p++) {
		if (now.ghost.returned[t][p] > now.ghost.expected[p])
			now.ghost.expected[p] = now.ghost.returned[t][p];
		now.ghost.returned[t][p] = 0;
	}
	now.memory.view[OWNER] =
		join(now.memory.view[OWNER], now.memory.returned[t]);
	now.memory.returned[t] = 0;
	say(OWNER, "learns of the return of marker", NLOCS, t);
	settle();
}

static void subtract(unsigned char *version, unsigned char n)
{
	*version = *version > n ? *version - n : 0;
}

/* The first page of the batch that is not copied yet. */
static int next_page(void)
{
	int p = 0;

	while (p < NPAGES && !(now.batch >> p & 1))
		p++;
	return p;
}

static int may_copy(int age)
{
	int p = next_page();

	return p < NPAGES &&
	       readable(&now.memory, OWNER, CONTENT + p, RELAXED, age);
}

/* The owner copies a page: any content that it may still see. */
static void copy(int age)
{
	int p = next_page();
	int loc = CONTENT + p;
	unsigned char version = load(&now.memory, OWNER, loc, RELAXED, age);

	now.batch &= ~(1 << p);
	settle();
	now.ghost.latest[p] -= version;
	for (int i = 0; i < now.memory.nmessages[loc]; i++)
		subtract(&now.memory.value[loc][i], version);
	for (int m = MARKER1; m < NTHREADS; m++) {
		subtract(&now.ghost.stored[m][p], version);
		subtract(&now.ghost.returned[m][p], version);
		if (!has_returned(m))
			now.memory.returned[m] = 0;
	}
}

static int is_stale_clear(void)
{
	const struct memory *m = &now.memory;

	return ((newest(m, WORD0) || newest(m, WORD1)) && !newest(m, LINE)) ||
	       (newest(m, LINE) && !newest(m, GROUP)) ||
	       (newest(m, GROUP) && !newest(m, ROOT));
}

/*
 * After a drain: a page whose mark was known to have returned before it is
 * dirty for the owner, or was copied since its content was stored. And while
 * no mark is under way, no summary is clear above a word that is not.
 */
static void judge_drain(void)
{
	for (int p = 0; p < NPAGES; p++) {
		if (!(now.bits >> p & 1) && now.ghost.expected[p])
			now.is_mark_lost = 1;
		now.ghost.expected[p] = 0;
	}
	if (!now.pages[MARKER1] && !now.pages[MARKER2])
		now.is_summary_stale_clear = is_stale_clear();
}

/* After the last take: the owner's copies are the last content, or kept. */
static void judge_end(void)
{
	for (int p = 0; p < NPAGES; p++) {
		if (now.ghost.latest[p] && !(now.bits >> p & 1))
			now.is_content_lost = 1;
	}
}

#endif
