/* SPDX-License-Identifier: MIT */
/*
 * What may write to a process's memory without being counted.
 */
#ifndef TOOLS_RATE_WRITERS_H
#define TOOLS_RATE_WRITERS_H

#include <stddef.h>
#include <stdint.h>

#include <smudge/process.h>

#include "rate/name.h"

#define RATE_MAX_WRITERS   16
#define RATE_FAILURE_BYTES 256
#define RATE_UNSEEN_BYTES  512

/* A process, or all of the process's own of one name. */
struct rate_writer {
	enum smudge_process_writer_kind kind;
	pid_t pid;
	char name[RATE_NAME_BYTES];
	uint64_t count;	  /* mappings of the other process; or descriptors */
	uint64_t address; /* of the first of these mappings, in the one that is
			     measured */
	uint64_t bytes;	  /* of these mappings; 0: any memory */
};

/* All zero: none. Those that were found once stay. */
struct rate_writers {
	struct rate_writer list[RATE_MAX_WRITERS];
	size_t n;
	size_t nmore; /* that had no place in the list, at most at once */
	uint64_t nunreadable; /* processes whose mappings may not be read */
	char failure[RATE_FAILURE_BYTES]; /* why not all are known, or "" */
};

/* Look at /proc now, and add what is new. */
void rate_writers_look(struct rate_writers *writers,
		       struct smudge_process *process);

/* Add what @more has. */
void rate_writers_merge(struct rate_writers *writers,
			const struct rate_writers *more);

const char *rate_writer_kind(const struct rate_writer *writer);

struct rate_report;

/*
 * rate_writers_text - those of all processes of a report on one line, without
 *      those that are measured themselves
 * @text: "" if there are none
 */
void rate_writers_text(const struct rate_report *report,
		       char text[RATE_UNSEEN_BYTES]);

#endif
