/* SPDX-License-Identifier: MIT */
/*
 * Who may write the memory of a process without being detected, and what is
 * done about it: a device and I/O that continues while the process stands are
 * refused. Memory that other processes may write, or the process itself by a
 * descriptor or by another mapping, counts as written, for ever since they may
 * come and go. One with the same address space must be gone when it stands.
 */
#ifndef TOOLS_CHECKPOINT_WRITERS_H
#define TOOLS_CHECKPOINT_WRITERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/process.h>

struct checkpoint_range {
	uint64_t first_address;
	uint64_t end_address; /* exclusive */
};

#define CHECKPOINT_MAX_TWINS 16

struct checkpoint_writers {
	struct checkpoint_range *shared; /* owned */
	size_t nshared;
	bool has_warned;	  /* of other processes */
	bool has_warned_of_files; /* that it may write itself */
	bool has_warned_of_unreadable;
	/* of the look under way */
	bool is_out_of_memory;
	bool is_refused;
	enum smudge_process_writer_kind refused_kind;
	uint64_t others_bytes; /* that are met for the first time */
	uint64_t files_bytes;  /* the same, of files that it may write */
	char other[32];	       /* a process, for the warning */
	pid_t other_pid;
	pid_t twins[CHECKPOINT_MAX_TWINS]; /* same address space */
	size_t ntwins;
};

/*
 * checkpoint_writers_look - list them as they are now
 * @writers: begins as zeros; freed by checkpoint_writers_free
 *
 * What is met for the first time and not refused is said on stderr.
 * Return: 0, -EOPNOTSUPP (refused), or as smudge_process_each_writer, with one
 * sentence.
 */
int checkpoint_writers_look(struct checkpoint_writers *writers,
			    struct smudge_process *process, pid_t pid,
			    struct smudge_error *err);

/*
 * checkpoint_writers_check - does nothing run on that has its address space?
 *
 * Called while it stands. Those that were there for vfork(2) are gone then.
 * Return: 0, -EBUSY with one sentence.
 */
int checkpoint_writers_check(const struct checkpoint_writers *writers,
			     pid_t pid, struct smudge_error *err);

/* What they may have written is dirty. */
void checkpoint_writers_mark(const struct checkpoint_writers *writers,
			     struct smudge_memory *memory);

void checkpoint_writers_free(struct checkpoint_writers *writers);

#endif
