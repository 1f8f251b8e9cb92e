/* SPDX-License-Identifier: MIT */
/*
 * The threads of a process that the guardian traces: those that run user code.
 */
#ifndef LIB_PROCESS_THREADS_H
#define LIB_PROCESS_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The order in which threads are told to stop; gather.c has the reason. */
enum smi_turn {
	SMI_TURN_CHILDLESS, /* sleeps, and has no children */
	SMI_TURN_OTHER,
	SMI_TURN_WAITS, /* in a call that a stop interrupts; may have children
			 */
	SMI_NTURNS
};

struct smi_thread {
	pid_t tid;
	enum smi_turn turn;
	bool is_asked; /* to stop, since they were last listed */
	bool is_told;  /* to stop, at any time */
	bool is_stopped;
};

struct smi_threads {
	pid_t pid;
	struct smi_thread *of; /* mapped, since the guardian has no malloc */
	size_t nthreads;
	size_t capacity;
	uint64_t interrupted_ns; /* when the first was asked to stop; 0: none */
	uint64_t refused_ns;	 /* when one could not be seized; 0: none */
};

/* NULL: not among them. */
struct smi_thread *smi_threads_find(const struct smi_threads *threads,
				    pid_t tid);

/* Return: 0 or -ENOMEM. */
int smi_threads_add(struct smi_threads *threads, pid_t tid, enum smi_turn turn);

void smi_threads_set_turn(struct smi_threads *threads, pid_t tid,
			  enum smi_turn turn);

/*
 * smi_threads_note_stop - this thread stands, whose stop was waited for; it may
 *      be one that has its id since an exec, and not be among them yet
 *
 * Return: 0 or -ENOMEM.
 */
int smi_threads_note_stop(struct smi_threads *threads, pid_t tid);

bool smi_threads_all_stand(const struct smi_threads *threads);

/* Is there one that was told to stop, does not yet, and will soon? One that
 * waits uninterruptibly was in no call that our stop interrupts. */
bool smi_threads_are_stopping(const struct smi_threads *threads);

/* smi_threads_interrupt asks each of them to stop that does not, once more. */
void smi_threads_ask_again(struct smi_threads *threads);

/*
 * smi_threads_interrupt - ask those of a turn to stop that do not; those that
 *      we do not trace any more go
 */
void smi_threads_interrupt(struct smi_threads *threads, enum smi_turn turn);

bool smi_threads_has_ended(pid_t pid, pid_t tid);

void smi_threads_remove(struct smi_threads *threads, pid_t tid);

void smi_threads_free(struct smi_threads *threads);

#endif
