/* SPDX-License-Identifier: MIT */
/*
 * The steps of a read section and of a synchronize, each one access of the
 * memory, and the ghost that knows what must not be freed and what must be
 * visible. rcu.pml lets the steps interleave. Macros given by run.py make the
 * mutants.
 */
#ifndef TESTS_MODEL_RCU_H
#define TESTS_MODEL_RCU_H

/*
 * The orders: lock's store, unlock's store and subtraction, synchronize's load
 * of a word.
 */
#ifndef LOCK
#define LOCK RELEASE
#endif
#ifndef UNLOCK
#define UNLOCK RELEASE
#endif
#ifndef UNLOCK_SHARED
#define UNLOCK_SHARED RELEASE
#endif
/* An object is published with release; a size alone is not. */
#ifndef PUBLISH
#define PUBLISH RELEASE
#endif
#ifndef WAIT
#define WAIT ACQUIRE
#endif

/* The word of a slot: two bits of nesting, sections that ended above. */
#define NESTING 3
#define ENDED	4

static const int load_order[NTHREADS] = {RELAXED, RELAXED, RELAXED};

static void settle(void)
{
	tidy(&now.memory, load_order);
}

/* The caller's write before its mark, and the mark's own in the section. */
static void store_content(int t)
{
	now.stored[t]++;
	say(t, "store", CONTENT + t - 1, now.stored[t]);
	store(&now.memory, t, CONTENT + t - 1, RELAXED, now.stored[t], 0);
	if (now.held[t])
		now.seen[t * 4 + now.held[t] - 1] = now.stored[t];
	settle();
}

static int slot_of(int t)
{
	return SLOT1 + t - 1;
}

/* A slot's own thread, and its signal handlers, read what they stored. */
static unsigned char load_slot(int t)
{
	return load(&now.memory, t, slot_of(t), RELAXED, 0);
}

static void store_slot(int t, unsigned char word, int order)
{
	say(t, "store", slot_of(t), word);
	store(&now.memory, t, slot_of(t), order, word, 0);
	settle();
}

static unsigned char unlocked(unsigned char word)
{
	word--;
#ifdef ENDS_WHEN_NESTED
	return word + ENDED;
#else
	return word & NESTING ? word : word + ENDED;
#endif
}

/* A readable phase of that age is entered. */
static void lock_shared(int t, int age)
{
	int i = load(&now.memory, t, PHASE, RELAXED, age) & 1;

	now.entered[t] = SHARED0 + i;
	modify(&now.memory, t, SHARED0 + i, RELAXED, 255, 0);
	now.memory.value[SHARED0 + i][now.memory.nmessages[SHARED0 + i] - 1]++;
#ifndef NO_READER_FENCE
	fence(&now.memory, t);
#endif
	settle();
}

static void unlock_shared(int t)
{
	int loc = now.entered[t];

	modify(&now.memory, t, loc, UNLOCK_SHARED, 255, 0);
	now.memory.value[loc][now.memory.nmessages[loc] - 1]--;
	now.entered[t] = 0;
	settle();
}

static void light_barrier(int t, int age)
{
#ifndef NO_READER_FENCE
	if (load(&now.memory, t, FENCED, RELAXED, age))
		fence(&now.memory, t);
#endif
	settle();
}

/*
 * The published object of that age. Who publishes a newer one has to see what
 * this thread stored before.
 */
static unsigned char load_pointer(int t, int age)
{
	unsigned char object = load(&now.memory, t, POINTER, ACQUIRE, age);

	if (now.freed >> object & 1)
		now.is_freed_read = 1;
	now.seen[t * 4 + object] = now.stored[t];
	settle();
	return object;
}

static void publish(unsigned char object)
{
	say(OWNER, "publish", POINTER, object);
	store(&now.memory, OWNER, POINTER, PUBLISH, object, 0);
	settle();
}

static void tell_readers(void)
{
	say(OWNER, "store", FENCED, 1);
	store(&now.memory, OWNER, FENCED, RELAXED, 1, 0);
	settle();
}

static unsigned char read_word(int loc, int age)
{
	unsigned char word = load(&now.memory, OWNER, loc, WAIT, age);

	settle();
	return word;
}

static void switch_phase(int phase)
{
	say(OWNER, "store", PHASE, phase);
	store(&now.memory, OWNER, PHASE, RELAXED, phase, 0);
	settle();
}

/* All that left before is freed; objects below @object are. */
static void free_below(int object)
{
	for (int t = MARKER1; t < NTHREADS; t++) {
		if ((now.held[t] && now.held[t] - 1 < object) ||
		    (now.held_by_handler[t] &&
		     now.held_by_handler[t] - 1 < object))
			now.is_freed_read = 1;
	}
	now.freed |= (1 << object) - 1;
	say(OWNER, "free objects below", NLOCS, object);
}

/* The updater copies a page: any content that it may still see. */
static void copy(int t, int age, int object)
{
	unsigned char version =
		load(&now.memory, OWNER, CONTENT + t - 1, RELAXED, age);

	for (int old = 0; old < object; old++) {
		if (version < now.seen[t * 4 + old])
			now.is_content_lost = 1;
	}
	settle();
}

#endif
