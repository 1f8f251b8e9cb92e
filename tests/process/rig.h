/* SPDX-License-Identifier: MIT */
/*
 * A process that checks itself: each of its threads makes one kind of calls or
 * computations, round after round, and compares each result and errno with
 * what it must be. Memory that is shared with the test counts the rounds and
 * keeps the first sentence about a wrong one.
 */
#ifndef TESTS_PROCESS_RIG_H
#define TESTS_PROCESS_RIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RIG_MAX_WORKERS 32

struct rig_worker;

/* What a worker does. A round returns after some ms at most. */
struct rig_kind {
	const char *name;
	bool (*begin)(struct rig_worker *worker); /* false: not possible here */
	void (*round)(struct rig_worker *worker); /* calls rig_wrong if it is */
	void (*end)(struct rig_worker *worker);	  /* NULL: nothing to undo */
	bool may_be_eintr; /* in the list of calls that stops interrupt */
};

struct rig_worker {
	const struct rig_kind *kind;
	unsigned int index;
	int fds[3];
	uint64_t number; /* the kind's own */
	void *memory;	 /* the kind's own */
};

struct rig_shared {
	_Atomic uint64_t rounds[RIG_MAX_WORKERS];
	_Atomic uint64_t eintrs; /* of calls of the list, if they are allowed */
	_Atomic bool are_eintrs_allowed;
	_Atomic bool is_ending, is_wrong, is_ready;
	_Atomic unsigned int nskipped; /* workers whose kind is not possible */
	char wrong[200];
	uint64_t first_page, npages; /* memory to track, written by a worker */
};

struct rig {
	pid_t pid;
	unsigned int nworkers;
	struct rig_shared *shared;
};

struct rig_options {
	bool is_main_hidden; /* its main thread is on a stack of no known end */
	bool has_filter;     /* userfaultfd(2) kills it */
};

/* Kinds: kinds_*.c, kind_*.c. A writer is in none of the lists. */
extern const struct rig_kind rig_kvm;
extern const struct rig_kind rig_writer; /* one per process */
extern const struct rig_kind *const rig_waits[];
extern const size_t rig_nwaits;
extern const struct rig_kind *const rig_others[];
extern const size_t rig_nothers;

/* In a worker: the result of its last round is wrong. */
void rig_wrong(const struct rig_worker *worker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* In a worker, in place of rig_wrong where a call of the list failed: EINTR may
 * be allowed. */
void rig_failed(const struct rig_worker *worker, const char *call, int code);

/* Start the process, and wait until each worker made a round. */
struct rig rig_start(const struct rig_kind *const *kinds, unsigned int nworkers,
		     const struct rig_options *options);

/* Wait until every worker made two more rounds; fail if one was wrong. */
void rig_progress(const struct rig *rig);

/* Fail unless nothing is left in it: not stopped, not traced, no page write-
 * protected; @nuffds userfaultfds at most. */
void rig_expect_clean(const struct rig *rig, unsigned int nuffds);

/* Let it end by itself, and fail unless all its results were right. */
void rig_end(struct rig *rig);

/* At the end of the process: did no restartable sequence lose an addition? */
bool rig_are_sequences_right(void);

/* The shared memory of the process that runs this. */
extern struct rig_shared *rig_shared;

#endif
