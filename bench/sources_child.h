/* SPDX-License-Identifier: MIT */
/*
 * A child that works when it is told, by a pipe, and answers by another with
 * the processor time that it took.
 */
#ifndef BENCH_SOURCES_CHILD_H
#define BENCH_SOURCES_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sources_child {
	pid_t pid;
	int request, answer; /* our ends of the pipes */
	uint64_t ns;	     /* of the child, for the last order */
};

/* Fork a child that calls @serve with its ends of the pipes, and ends then. */
void sources_child_start(struct sources_child *child,
			 void (*serve)(const void *opaque, int from, int to),
			 const void *opaque);

/* In the child: false when there is no other order, or no one to answer. */
bool sources_child_receive(int from, void *order, size_t bytes);
bool sources_child_answer(int to, uint64_t ns);

/* A failure of these ends the benchmark. */
void sources_child_send(const struct sources_child *child, const void *order,
			size_t bytes);
/* Until it has answered. */
void sources_child_wait(struct sources_child *child);

/* What the last order took; it counts once. */
uint64_t sources_child_ns(struct sources_child *child);

/* Close the pipes, and wait until it has ended. */
void sources_child_end(const struct sources_child *child);

#endif
