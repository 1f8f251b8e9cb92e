/* SPDX-License-Identifier: MIT */
/*
 * A marker and an owner that race for what only a barrier decides.
 *
 * A mark that finds its page marked writes nothing, and its caller's store of
 * the content may still be on its way when the owner takes the page. The
 * marker marks 64 pages, then stores to each and marks it again, to lines that
 * the owner has just read: so stores queue up behind marks that find nothing
 * to do. The owner takes in the middle of that, and copies the last page first.
 * Each page is stored to once per round, so no later mark corrects a copy
 * that was made too early.
 *
 * The executable wraps smi_sys_barrier and smi_sys_barrier_slow, so that a
 * round can be run without them. Only where that loses pages can a run with
 * them show anything.
 */
#ifndef TESTS_UNIT_BITMAP_BARRIER_RIG_H
#define TESTS_UNIT_BITMAP_BARRIER_RIG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/bitmap.h>

#include "pin.h"
#include "support.h"

#define RIG_PAGES      UINT64_C(64)
#define BARRIER_ROUNDS 2000

enum barrier_answer {
	BARRIER_REAL,
	BARRIER_LEFT_OUT, /* returns true and does nothing */
	BARRIER_REFUSED,  /* returns false */
	/* for barrier_fast only: */
	BARRIER_SHOOTDOWN,
	BARRIER_WALK,
};

/*
 * What the library's two barriers do from now on. Set them while no take runs.
 */
extern enum barrier_answer barrier_fast, barrier_slow;

struct barrier_line {
	_Alignas(64) _Atomic uint32_t content;
};

struct barrier_rig {
	struct smudge_bitmap **bitmaps; /* round i uses i % nbitmaps */
	uint32_t nbitmaps;
	struct smudge_batch *batch;
	struct test_rng rng;
	struct barrier_line page[RIG_PAGES];
	uint32_t copied[RIG_PAGES];
	_Alignas(64) atomic_uint begun; /* rounds; UINT32_MAX: no more */
	_Alignas(64) atomic_uint done;
	pthread_t marker;
	struct test_pin pin; /* the owner's; the marker runs on the other */
	uint32_t round;
	uint64_t nlost; /* pages whose content of a round was not copied */
};

/*
 * All of it before a filter: threads and bitmaps need what it denies.
 * Return: false if there is no such barrier, or one processor only.
 */
bool barrier_rig_start(struct barrier_rig *rig, uint32_t nbitmaps);
void barrier_rig_stop(struct barrier_rig *rig);

/*
 * Rounds, at most some seconds long. In each there is one take while the
 * marker stores, or, with @takes_all_the_time, as many as there is time for;
 * and one take at its end.
 * Return: pages lost so far.
 */
uint64_t barrier_rig_run(struct barrier_rig *rig, bool takes_all_the_time,
			 uint32_t nrounds);

/*
 * Skip the test unless as many rounds with these answers lose pages here: else
 * a run without losses would prove nothing.
 */
void barrier_need_losses(enum barrier_answer fast, enum barrier_answer slow,
			 bool takes_all_the_time);

/* Skip the test where barrier_rig_start finds one processor only. */
void barrier_need_two_processors(void);

/* Does this answer, a barrier by itself, lose nothing in as many rounds? */
bool barrier_rig_keeps(enum barrier_answer fast);

#endif
