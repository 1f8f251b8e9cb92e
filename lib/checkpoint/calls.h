/* SPDX-License-Identifier: MIT */
/*
 * Calls of the program's functions that may hang: each in a thread of its own,
 * for at most a deadline.
 *
 * ROUNDS. From smi_calls_open to the next one is a round. Its first
 * failure is the round's: what has not begun is dropped, and what runs is
 * waited for. When a call's deadline has passed, or the round was cancelled,
 * the program's cancel is called until all have returned. As long again as the
 * deadline, but a second at most, and those that have not are left behind, in
 * their threads: their results are dropped. The next round begins when they
 * have returned.
 *
 * MEMORY. What a call has borrowed is used in its prepare only, which is the
 * library's and does not hang; all that its run uses is its own, the thread's,
 * or the context, which is freed after the last thread has ended.
 */
#ifndef LIB_CHECKPOINT_CALLS_H
#define LIB_CHECKPOINT_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

struct smi_calls;

/* One call, which the caller allocates with what it needs behind. */
struct smi_call {
	const char *what;	     /* for sentences: "write" */
	uint64_t first_page, npages; /* that it changes; npages 0: none */
	/* Both on the thread; @scratch is its memory, in whole pages. */
	void (*prepare)(struct smi_call *call, uint8_t *scratch); /* or NULL */
	/*
	 * Before each of the program's functions but the first it calls
	 * smi_calls_continue. Return: 0, or -errno with a sentence.
	 */
	int (*run)(struct smi_call *call, void *context, uint8_t *scratch,
		   struct smudge_error *err);
	void (*destroy)(struct smi_call *call);

	/* calls.c's, under its lock. */
	struct smi_calls *calls;
	struct smi_call *next;
	uint64_t round;
	uint64_t begin_ns; /* of the program's function; 0: not in one */
};

struct smi_calls_options {
	unsigned int nthreads;
	size_t scratch_bytes; /* of each thread; 0: none */
	uint64_t deadline_ns; /* of each function of the program; 0: none */
	/* Reaches what runs; returns at once. NULL: nothing does. */
	void (*cancel)(void *context);
	void *context; /* freed by free(3); owned from success on */
};

/*
 * smi_calls_create - start the threads
 * Return: 0, -EAGAIN (no thread), -ENOMEM.
 */
int smi_calls_create(const struct smi_calls_options *options,
		     struct smi_calls **ret_calls, struct smudge_error *err);

/*
 * smi_calls_destroy - end the threads
 *
 * Waits for what is left behind for the deadline.
 * Return: 0, -ETIMEDOUT: threads are still in calls; they end by themselves.
 */
int smi_calls_destroy(struct smi_calls *calls);

/* A round, from which on a cancel is for it. */
void smi_calls_open(struct smi_calls *calls);
/*
 * smi_calls_begin - wait until what is left behind has returned
 * Return: 0, -ETIMEDOUT, -ECANCELED.
 */
int smi_calls_begin(struct smi_calls *calls, struct smudge_error *err);

/*
 * smi_calls_submit - @call is to be run; it is destroyed afterwards
 *
 * Waits while much is queued, or something that changes the same pages.
 * Return: 0, or the round's failure; then @call is destroyed.
 */
int smi_calls_submit(struct smi_calls *calls, struct smi_call *call,
		     struct smudge_error *err);

/*
 * smi_calls_drain - until all that was submitted has returned, or is left
 *      behind; nothing is borrowed then
 * Return: 0, or the round's failure.
 */
int smi_calls_drain(struct smi_calls *calls, struct smudge_error *err);

/* Both. */
int smi_calls_run(struct smi_calls *calls, struct smi_call *call,
		  struct smudge_error *err);

/* Any thread: the round fails with -ECANCELED. */
void smi_calls_cancel(struct smi_calls *calls);

/* From run. Return: 0, or -ECANCELED: the round has failed. */
int smi_calls_continue(struct smi_call *call, struct smudge_error *err);

#endif
