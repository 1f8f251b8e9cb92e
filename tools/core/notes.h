/* SPDX-License-Identifier: MIT */
/*
 * The notes of a core file: what a debugger is told of the process beside its
 * memory. They are laid out as the kernel does it on 64-bit machines with the
 * lowest byte first.
 */
#ifndef TOOLS_CORE_NOTES_H
#define TOOLS_CORE_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/maps.h"

/* Grows as notes are added; begins as zeros. */
struct core_notes {
	uint8_t *bytes; /* owned */
	size_t length;
	size_t room;
	bool is_out_of_memory; /* something is missing */
};

void core_notes_free(struct core_notes *notes);

/*
 * core_notes_add - add a note
 * @owner: "CORE" or "LINUX"
 * @type: NT_...
 */
void core_notes_add(struct core_notes *notes, const char *owner, uint32_t type,
		    const void *content, size_t length);

struct core_process {
	char state; /* the letter of /proc/PID/stat */
	int nice;
	uint64_t flags;
	uint32_t uid, gid;
	uint32_t pid, parent, group, session;
	const char *name;      /* the first 15 bytes count */
	const char *arguments; /* with blanks between them; the first 79 */
};

/* NT_PRPSINFO */
void core_notes_add_process(struct core_notes *notes,
			    const struct core_process *process);

struct core_thread {
	uint32_t tid;
	uint64_t pending_signals, blocked_signals;
	const void *general; /* registers as the kernel has them */
	size_t general_bytes;
	bool has_fpu; /* NT_FPREGSET follows */
};

/* NT_PRSTATUS, with which each thread begins. */
void core_notes_add_thread(struct core_notes *notes,
			   const struct core_process *process,
			   const struct core_thread *thread);

/* NT_FILE: the mappings of files. */
void core_notes_add_files(struct core_notes *notes,
			  const struct core_maps *maps);

#endif
